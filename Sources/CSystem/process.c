// The process as the system sees it: its title, its session, its log.
#define _GNU_SOURCE 1
#include "csystem.h"
#include <errno.h>
#include <stdlib.h>
#include <syslog.h>

extern char **environ;

// Where the arguments and the environment lie, one string behind the other.
static char *area_start = NULL;
static char *area_end = NULL;
static char *process_name = "needletail-server";
static _Bool is_moved = 0;

// glibc hands constructors what it hands main.
__attribute__((constructor)) static void find_area(int argc, char **argv, char **environment) {
  if (argc < 1 || argv == NULL || argv[0] == NULL) return;
  char *name = strdup(argv[0]);
  if (name != NULL) process_name = name;
  area_start = argv[0];
  area_end = argv[0] + strlen(argv[0]) + 1;
  for (int i = 1; i < argc && argv[i] == area_end; i++) area_end += strlen(argv[i]) + 1;
  for (char **entry = environment; *entry != NULL && *entry == area_end; entry++) area_end += strlen(*entry) + 1;
}

const char *cs_process_name(void) { return process_name; }

// Copies of what the program may still look at. False when there is no memory for them.
static _Bool move_away(void) {
  size_t count = 0;
  while (environ[count] != NULL) count++;
  char **copy = calloc(count + 1, sizeof(char *));
  if (copy == NULL) return 0;
  for (size_t i = 0; i < count; i++) {
    copy[i] = strdup(environ[i]);
    if (copy[i] == NULL) return 0;
  }
  char *name = strdup(program_invocation_name);
  char *short_name = strdup(program_invocation_short_name);
  if (name == NULL || short_name == NULL) return 0;
  program_invocation_name = name;
  program_invocation_short_name = short_name;
  environ = copy;
  return 1;
}

void cs_claim_process_title(void) {
  if (area_start != NULL && !is_moved) is_moved = move_away();
}

void cs_set_process_title(const char *title) {
  if (!is_moved) return;
  size_t room = (size_t)(area_end - area_start);
  size_t length = strnlen(title, room - 1);
  memset(area_start, 0, room);
  memcpy(area_start, title, length);
}

int cs_daemonize(void) {
  pid_t child = fork();
  if (child < 0) return -1;
  if (child > 0) _exit(0);
  if (setsid() < 0) return -1;
  int null = open("/dev/null", O_RDWR);
  if (null < 0) return -1;
  for (int fd = 0; fd <= 2; fd++) dup2(null, fd);
  if (null > 2) close(null);
  return 0;
}

void cs_open_syslog(const char *identity, int facility) {
  char *copy = strdup(identity);
  openlog(copy == NULL ? "needletail" : copy, LOG_PID | LOG_NDELAY | LOG_NOWAIT, facility);
}

void cs_syslog(int priority, const char *message) { syslog(priority, "%s", message); }
