// Preloaded into a server, it makes one call that has to do with a snapshot fail. The file named by FAULTS is shared
// with the test, which writes what it wants and reads what has been called.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FAILS = 0, IS_SHORT = 1, IS_SHORT_THEN_FAILS = 2 };

static struct {
  _Atomic uint32_t target;  // the call to hit, from 1 on; 0: none
  _Atomic uint32_t code;    // errno
  _Atomic uint32_t mode;
  _Atomic uint32_t count;   // calls so far
  char names[4080];         // theirs, each with a blank behind it
} *shared;

static _Atomic uint64_t watched[16];  // descriptors of snapshots and of their directories, as a set

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("FAULTS");
  int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *place = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (place != MAP_FAILED) shared = place;
}

static int is_watched(int fd) { return fd >= 0 && fd < 1024 && watched[fd / 64] >> fd % 64 & 1; }
static void watch(int fd) {
  if (fd >= 0 && fd < 1024) watched[fd / 64] |= 1ull << fd % 64;
}
static void forget(int fd) {
  if (fd >= 0 && fd < 1024) watched[fd / 64] &= ~(1ull << fd % 64);
}

// Counts a call. Returns whether it is to fail; *is_short, whether it may do half of its work.
static int hit(const char *name, int *is_short) {
  *is_short = 0;
  if (!shared) return 0;
  uint32_t number = ++shared->count;
  size_t length = strnlen(shared->names, sizeof shared->names);
  if (length + strlen(name) + 2 < sizeof shared->names) {
    strcat(shared->names, name);
    strcat(shared->names, " ");
  }
  uint32_t target = shared->target, mode = shared->mode;
  if (target == 0) return 0;
  *is_short = mode != FAILS && number == target;
  int fails = mode == FAILS ? number == target : mode == IS_SHORT_THEN_FAILS && number == target + 1;
  if (fails) errno = (int)shared->code;
  return fails;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int opened(const char *name, const char *path, int flags, mode_t mode, int directory, int is_large) {
  int is_snapshot = strncmp(path, "temp-", 5) == 0, is_directory = flags & O_DIRECTORY && strcmp(path, ".") == 0, is_short;
  if ((is_snapshot || is_directory) && hit(is_directory ? "opendir" : name, &is_short)) return -1;
  int fd = is_large ? REAL(openat64)(directory, path, flags, mode) : REAL(openat)(directory, path, flags, mode);
  if (is_snapshot || is_directory) watch(fd);
  return fd;
}

static mode_t mode_of(int flags, va_list rest) { return flags & O_CREAT ? va_arg(rest, mode_t) : 0; }

#define OPEN(name, is_large) \
  int name(const char *path, int flags, ...) { \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = mode_of(flags, rest); \
    va_end(rest); \
    return opened("open", path, flags, mode, AT_FDCWD, is_large); \
  }
#define OPENAT(name, is_large) \
  int name(int directory, const char *path, int flags, ...) { \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = mode_of(flags, rest); \
    va_end(rest); \
    return opened("open", path, flags, mode, directory, is_large); \
  }
OPEN(open, 0)
OPEN(open64, 1)
OPENAT(openat, 0)
OPENAT(openat64, 1)

ssize_t write(int fd, const void *bytes, size_t count) {
  int is_short = 0;
  if (is_watched(fd) && hit("write", &is_short)) return -1;
  return REAL(write)(fd, bytes, is_short ? (count + 1) / 2 : count);
}

int sync_file_range(int fd, off64_t offset, off64_t count, unsigned int flags) {
  int is_short;
  if (is_watched(fd) && hit("sync_file_range", &is_short)) return -1;
  return REAL(sync_file_range)(fd, offset, count, flags);
}

int fsync(int fd) {
  int is_short;
  if (is_watched(fd) && hit("fsync", &is_short)) return -1;
  return REAL(fsync)(fd);
}

int close(int fd) {
  int is_short, fails = is_watched(fd) && hit("close", &is_short), code = errno;
  forget(fd);
  int result = REAL(close)(fd);
  if (!fails) return result;
  errno = code;
  return -1;
}

int renameat(int from, const char *old, int to, const char *new) {
  int is_short;
  if (strncmp(old, "temp-", 5) == 0 && hit("rename", &is_short)) return -1;
  return REAL(renameat)(from, old, to, new);
}

int rename(const char *old, const char *new) { return renameat(AT_FDCWD, old, AT_FDCWD, new); }

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *context) {
  int is_short;
  if (hit("thread", &is_short)) return errno;
  return REAL(pthread_create)(thread, attributes, body, context);
}
