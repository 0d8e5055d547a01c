// What Swift cannot import or express: epoll, accept4, prefetching, atomics on raw memory, the SIMD probe.
#ifndef NEEDLETAIL_CSYSTEM_H
#define NEEDLETAIL_CSYSTEM_H

#include <emmintrin.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

// --- Vectors -------------------------------------------------------------------------------------------------------

// Bit i is set when byte i of the 16 at p equals tag. Byte 0 of a segment's first bucket is its freeze tag, which the
// snapshot's thread may write at the same time: callers mask that bit out, so the race is harmless and the thread
// sanitizer is told to look away from this one load.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
__attribute__((no_sanitize("thread")))
#endif
#endif
static inline uint32_t
cs_match16(const void *_Nonnull p, uint8_t tag) {
  __m128i group = _mm_loadu_si128((const __m128i *)p);
  return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(group, _mm_set1_epi8((char)tag)));
}

static inline void cs_prefetch(const void *_Nonnull p) { __builtin_prefetch(p, 0, 3); }

// As above, to write there. In assembly: compilers make an ordinary prefetch of it unless told what the processor can;
// one that cannot takes it for a no-op.
static inline void cs_prefetch_write(void *_Nonnull p) { __asm__ volatile("prefetchw %0" : : "m"(*(char *)p)); }

// --- Atomics on raw memory -----------------------------------------------------------------------------------------

static inline uint8_t cs_load_acquire_u8(const void *_Nonnull p) {
  return __atomic_load_n((const uint8_t *)p, __ATOMIC_ACQUIRE);
}
static inline void cs_store_release_u8(void *_Nonnull p, uint8_t v) {
  __atomic_store_n((uint8_t *)p, v, __ATOMIC_RELEASE);
}
static inline uint8_t cs_exchange_u8(void *_Nonnull p, uint8_t v) {
  return __atomic_exchange_n((uint8_t *)p, v, __ATOMIC_ACQ_REL);
}
// True when *p was `expected` and is now `desired`.
static inline _Bool cs_compare_exchange_u8(void *_Nonnull p, uint8_t expected, uint8_t desired) {
  return __atomic_compare_exchange_n((uint8_t *)p, &expected, desired, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
static inline void cs_store_relaxed_u32(void *_Nonnull p, uint32_t v) {
  __atomic_store_n((uint32_t *)p, v, __ATOMIC_RELAXED);
}
static inline uint32_t cs_load_relaxed_u32(const void *_Nonnull p) {
  return __atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED);
}
static inline uint32_t cs_load_acquire_u32(const void *_Nonnull p) {
  return __atomic_load_n((const uint32_t *)p, __ATOMIC_ACQUIRE);
}
static inline uint32_t cs_fetch_add_u32(void *_Nonnull p, uint32_t v) {
  return __atomic_fetch_add((uint32_t *)p, v, __ATOMIC_ACQ_REL);
}
static inline uint32_t cs_fetch_sub_u32(void *_Nonnull p, uint32_t v) {
  return __atomic_fetch_sub((uint32_t *)p, v, __ATOMIC_ACQ_REL);
}
static inline uint32_t cs_fetch_or_u32(void *_Nonnull p, uint32_t v) {
  return __atomic_fetch_or((uint32_t *)p, v, __ATOMIC_ACQ_REL);
}
static inline uint64_t cs_load_relaxed_u64(const void *_Nonnull p) {
  return __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED);
}
static inline uint64_t cs_load_acquire_u64(const void *_Nonnull p) {
  return __atomic_load_n((const uint64_t *)p, __ATOMIC_ACQUIRE);
}
static inline void cs_store_release_u64(void *_Nonnull p, uint64_t v) {
  __atomic_store_n((uint64_t *)p, v, __ATOMIC_RELEASE);
}
static inline uint64_t cs_exchange_u64(void *_Nonnull p, uint64_t v) {
  return __atomic_exchange_n((uint64_t *)p, v, __ATOMIC_ACQ_REL);
}
// True when *p was *expected and is now `desired`; otherwise *expected is what it was.
static inline _Bool cs_compare_exchange_u64(void *_Nonnull p, uint64_t *_Nonnull expected, uint64_t desired) {
  return __atomic_compare_exchange_n((uint64_t *)p, expected, desired, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
static inline uint64_t cs_fetch_add_u64(void *_Nonnull p, uint64_t v) {
  return __atomic_fetch_add((uint64_t *)p, v, __ATOMIC_ACQ_REL);
}

// --- Bits ----------------------------------------------------------------------------------------------------------

// How many bits of `count` bytes are 1.
size_t cs_count_bits(const void *_Nonnull bytes, size_t count);

// The last takes only the first operand.
enum cs_bit_operation { CS_BITS_AND, CS_BITS_OR, CS_BITS_XOR, CS_BITS_AND_NOT, CS_BITS_NOT };

// Makes `count` bytes of those at `first` and at `second`, in this order. The result may lie where one of them does,
// but must not overlap with one otherwise. `past_caches` is for results that are larger than the caches anyway: they
// need not be read before they are written.
void cs_combine_bits(enum cs_bit_operation operation, void *_Nonnull result, const void *_Nonnull first,
                     const void *_Nonnull second, size_t count, _Bool past_caches);

// How many of the bytes at the beginning are `byte`: `count` when all are.
size_t cs_skip_bytes(const void *_Nonnull bytes, size_t count, uint8_t byte);

// --- Time ----------------------------------------------------------------------------------------------------------

static inline uint64_t cs_cycles(void) { return __rdtsc(); }

// --- System calls outside Swift's Glibc module ---------------------------------------------------------------------

// The calling thread's number in the system.
int cs_thread_id(void);

// Accepts a connection, non-blocking and closed on exec. (GNU's accept4, which Swift's Glibc module hides.)
int cs_accept4(int fd, struct sockaddr *_Nullable address, socklen_t *_Nullable length);

// `data` is handed back by cs_epoll_wait for this descriptor.
static inline int cs_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data = {.u64 = data}};
  return epoll_ctl(epoll, operation, fd, &event);
}
// Starts writing the range to disk and, with `waits`, waits until it is there. No promise of durability: fsync makes
// one, and has little left to do then. Returns 0, or -1 with errno.
int cs_sync_file_range(int fd, int64_t offset, int64_t count, _Bool waits);
static inline uint64_t cs_event_data(const struct epoll_event *_Nonnull event) { return event->data.u64; }
static inline uint32_t cs_event_flags(const struct epoll_event *_Nonnull event) { return event->events; }

// --- Numbers -------------------------------------------------------------------------------------------------------

// Writes `value` with 17 decimals, a zero byte behind it. Returns the length, which is `size` or more when it did not
// fit. (Swift has no decimal text of 80-bit numbers to a given number of decimals.)
int cs_print_long_double(void *_Nonnull buffer, size_t size, long double value);

// As above, with 17 significant digits.
int cs_print_double(void *_Nonnull buffer, size_t size, double value);

// --- Huge pages ----------------------------------------------------------------------------------------------------

// Asks the kernel for huge pages in all memory that jemalloc's arena 0, the event loop's, maps from now on.
// Returns 0, or an errno value.
int cs_use_huge_pages(void);

// No huge pages for this process, also where the system gives them to everybody.
void cs_disable_huge_pages(void);

// --- The process ---------------------------------------------------------------------------------------------------

// Goes on in a child process that is the leader of a session of its own, with /dev/null as its standard input and
// outputs; the parent ends with status 0. Only before other threads start. Returns 0, or -1 with errno.
int cs_daemonize(void);

// Makes room for titles where the arguments and the environment lie. The environment is moved away; the arguments must
// have been read. Only before other threads start.
void cs_claim_process_title(void);

// Makes `title` what process lists show, as far as there is room; nothing without the call above.
void cs_set_process_title(const char *_Nonnull title);

// How the process was called: the first of its arguments.
const char *_Nonnull cs_process_name(void);

// Opens the connection to the system's log; `identity` is copied.
void cs_open_syslog(const char *_Nonnull identity, int facility);
void cs_syslog(int priority, const char *_Nonnull message);

// --- Crashes and the watchdog --------------------------------------------------------------------------------------

// What a report needs of the server. Both functions are called with `context` on the loop's thread and write to a
// descriptor.
struct cs_crash_plan {
  const char *_Nonnull product;
  void *_Nonnull context;
  // Cycles when the loop's turn began; 0 while it waits.
  const uint64_t *_Nonnull turn_start;
  // Must not allocate: the watchdog interrupts whatever runs.
  void (*_Nonnull describe_command)(void *_Nonnull context, int fd);
  void (*_Nonnull describe_server)(void *_Nonnull context, int fd);
  // A report that hangs, on a lock that the crash left held, ends after this.
  int report_seconds;
};

// Call on the loop's thread, once. `path` is the log file; empty: standard output. Returns 0, or an errno value.
int cs_crash_prepare(const struct cs_crash_plan *_Nonnull plan, const char *_Nonnull path);
// From now on a crash leaves a report in the log, or it does not. Either way the process ends by the signal.
void cs_crash_report(_Bool is_wanted);
// Logs what the loop is doing, once for each turn that takes more than `cycles`; 0 milliseconds: not any more.
void cs_watchdog(int milliseconds, uint64_t cycles);
// For the handlers' functions: retries, and gives up on an error.
void cs_crash_write(int fd, const void *_Nonnull bytes, size_t count);
// At most 128 bytes, what is not printable as \xNN.
void cs_crash_write_escaped(int fd, const void *_Nonnull bytes, size_t count);
// Writes where nobody may: SIGSEGV.
void cs_crash_now(void);

#endif
