#define _GNU_SOURCE 1
#include "csystem.h"
#include <stdio.h>

int cs_accept4(int fd, struct sockaddr *address, socklen_t *length) {
  return accept4(fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int cs_print_long_double(void *buffer, size_t size, long double value) {
  return snprintf(buffer, size, "%.17Lf", value);
}
