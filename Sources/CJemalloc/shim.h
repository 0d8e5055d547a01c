// jemalloc's size-aware calls as functions Swift can import (its flags are function-like macros).
//
// Under a sanitizer every block comes from `malloc` instead, so that the sanitizer sees it; sizes are then ignored.
#ifndef NEEDLETAIL_CJEMALLOC_SHIM_H
#define NEEDLETAIL_CJEMALLOC_SHIM_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <jemalloc/jemalloc.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define NEEDLETAIL_SANITIZED 1
#endif
#endif

#ifdef NEEDLETAIL_SANITIZED
#include <malloc.h>
// Blocks have the sizes of jemalloc's classes, since whoever asks for a class may fill it, and no byte more. Segments
// of 128-byte buckets rely on the natural alignment of their classes.
static inline void *_Nullable je_alloc(size_t n) {
  size_t size = nallocx(n, 0);
  if (size == 0) return NULL;
  return size % 128 == 0 ? aligned_alloc(128, size) : malloc(size);
}
static inline void *_Nullable je_alloc_zeroed(size_t n) { return calloc(1, nallocx(n, 0)); }
static inline void je_free_sized(void *_Nonnull p, size_t n) { (void)n; free(p); }
static inline void *_Nullable je_realloc(void *_Nonnull p, size_t old, size_t n) {
  void *larger = je_alloc(n);
  if (larger == NULL) return NULL;
  __builtin_memcpy(larger, p, old < n ? old : n);
  free(p);
  return larger;
}
static inline void *_Nullable je_alloc_uncached(size_t n) { return je_alloc(n); }
static inline void je_free_uncached(void *_Nonnull p, size_t n) { je_free_sized(p, n); }
#define JE_HAS_SLABS 0
#else
static inline void *_Nullable je_alloc(size_t n) { return mallocx(n, 0); }
static inline void *_Nullable je_alloc_zeroed(size_t n) { return mallocx(n, MALLOCX_ZERO); }
static inline void je_free_sized(void *_Nonnull p, size_t n) { sdallocx(p, n, 0); }
static inline void *_Nullable je_realloc(void *_Nonnull p, size_t old, size_t n) {
  (void)old;
  return rallocx(p, n, 0);
}
// Past the calling thread's cache: what is freed leaves its slab at once, and is not what the next call is given.
static inline void *_Nullable je_alloc_uncached(size_t n) { return mallocx(n, MALLOCX_TCACHE_NONE); }
static inline void je_free_uncached(void *_Nonnull p, size_t n) { sdallocx(p, n, MALLOCX_TCACHE_NONE); }
#define JE_HAS_SLABS 1
#endif

static inline size_t je_good_size(size_t n) { return nallocx(n, 0); }

// Where jemalloc's report goes; what has no room is left out.
struct je_report {
  char *text;
  size_t count, capacity;
};

static inline void je_report_append(void *target, const char *part) {
  struct je_report *report = (struct je_report *)target;
  size_t count = __builtin_strlen(part), room = report->capacity - report->count;
  if (count > room) count = room;
  __builtin_memcpy(report->text + report->count, part, count);
  report->count += count;
}

// Writes jemalloc's report to `text` and returns its length.
static inline size_t je_statistics(char *_Nonnull text, size_t capacity) {
  struct je_report report = {text, 0, capacity};
  malloc_stats_print(je_report_append, &report, NULL);
  return report.count;
}

// False where blocks come from elsewhere, of which jemalloc must not be asked.
static inline _Bool je_has_slabs(void) { return JE_HAS_SLABS; }

// A name as numbers, which are found faster. `count`: room, then how many there are.
static inline int je_control_numbers(const char *_Nonnull name, size_t *_Nonnull numbers, size_t *_Nonnull count) {
  return mallctlnametomib(name, numbers, count);
}

static inline int je_control_by_numbers(const size_t *_Nonnull numbers, size_t count, void *_Nullable old,
                                        size_t *_Nullable old_size, void *_Nullable value, size_t value_size) {
  return mallctlbymib(numbers, count, old, old_size, value, value_size);
}

static inline int je_control(const char *_Nonnull name, void *_Nullable old, size_t *_Nullable old_size,
                             void *_Nullable value, size_t value_size) {
  return mallctl(name, old, old_size, value, value_size);
}

#endif
