// What tools/c10k's servers need and Swift hides or cannot import: fork, prctl, a lock that processes share.
#ifndef NEEDLETAIL_CC10K_SHIM_H
#define NEEDLETAIL_CC10K_SHIM_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

// Only while there is one thread.
static inline pid_t cc_fork(void) { return fork(); }

// The calling process is killed when the thread that made it ends. False when that has happened already.
static inline _Bool cc_die_with(pid_t parent) {
  return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

static inline void cc_forget_children(void) { signal(SIGCHLD, SIG_IGN); }
static inline void cc_ignore_broken_pipes(void) { signal(SIGPIPE, SIG_IGN); }

// Makes a lock in memory that processes share. One that its holder left behind by dying is taken over: nothing that it
// guards here is ever half done in a way that would matter.
static inline int cc_lock_init(pthread_mutex_t *_Nonnull lock) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  int code = pthread_mutex_init(lock, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return code;
}

static inline int cc_lock(pthread_mutex_t *_Nonnull lock) {
  int code = pthread_mutex_lock(lock);
  return code == EOWNERDEAD ? pthread_mutex_consistent(lock) : code;
}

#endif
