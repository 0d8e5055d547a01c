#define _GNU_SOURCE 1
#include "csystem.h"
#include <stdio.h>

int cs_accept4(int fd, struct sockaddr *address, socklen_t *length) {
  return accept4(fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int cs_sync_file_range(int fd, int64_t offset, int64_t count, _Bool waits) {
  unsigned flags = SYNC_FILE_RANGE_WRITE;
  if (waits) flags |= SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER;
  return sync_file_range(fd, offset, count, flags);
}

int cs_print_long_double(void *buffer, size_t size, long double value) {
  return snprintf(buffer, size, "%.17Lf", value);
}

int cs_print_double(void *buffer, size_t size, double value) { return snprintf(buffer, size, "%.17g", value); }

int cs_thread_id(void) { return gettid(); }
