// Hooks in jemalloc that get huge pages for the event loop's arena, keep them whole while they are in use, and have
// them faulted in before the loop comes to them. In C because hooks need a place of their own and run within the
// allocator.
//
// The first touch of a huge page clears two megabytes: too long for the loop. The allocator takes large extents from
// the system and hands them out from their beginning; told that their memory is not committed, it asks for each piece
// before it uses it, so the hook knows how far it has come. A thread touches the next few pages.
#include "csystem.h"
#include <sys/prctl.h>

#include <errno.h>
#include <jemalloc/jemalloc.h>
#include <semaphore.h>
#include <stdbool.h>

#define HUGE_PAGE ((uintptr_t)2 << 20)
// How far ahead of what is used memory is faulted in: it is resident, used or not.
#define AHEAD (4 * HUGE_PAGE)
// Free ranges below this size stay resident.
#define KEPT (HUGE_PAGE / 16)

static extent_hooks_t *original_hooks;
static extent_hooks_t huge_page_hooks;
// The extent that is being handed out, and up to where it is wanted. Written by threads that hold the arena's locks,
// read by the one that touches.
static uintptr_t extent_start, extent_end, wanted_end;
static sem_t is_wanted;

static void want(uintptr_t start, uintptr_t end) {
  __atomic_store_n(&wanted_end, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&extent_start, start, __ATOMIC_RELAXED);
  __atomic_store_n(&extent_end, end, __ATOMIC_RELAXED);
  __atomic_store_n(&wanted_end, end - start < AHEAD ? end : start + AHEAD, __ATOMIC_RELEASE);
  sem_post(&is_wanted);
}

static void *huge_page_alloc(extent_hooks_t *hooks, void *address, size_t size, size_t alignment, bool *zero,
                             bool *commit, unsigned arena) {
  (void)hooks;
  bool is_large = size >= HUGE_PAGE;
  // Only when it is asked for: an extent that must be committed at once is used at once.
  bool is_handed_out_later = is_large && !*commit;
  size_t aligned = is_large && alignment < HUGE_PAGE ? HUGE_PAGE : alignment;
  void *extent = original_hooks->alloc(original_hooks, address, size, aligned, zero, commit, arena);
  if (extent == NULL) return NULL;
  madvise(extent, size, MADV_HUGEPAGE);
  if (is_handed_out_later) {
    *commit = false;
    want((uintptr_t)extent, (uintptr_t)extent + size);
  }
  return extent;
}

// A piece is about to be used. There is nothing to do for it, which was mapped long ago.
static bool huge_page_commit(extent_hooks_t *hooks, void *address, size_t size, size_t offset, size_t length,
                             unsigned arena) {
  (void)hooks, (void)size, (void)arena;
  uintptr_t end = (uintptr_t)address + offset + length;
  uintptr_t limit = __atomic_load_n(&extent_end, __ATOMIC_RELAXED);
  if (end <= __atomic_load_n(&extent_start, __ATOMIC_RELAXED) || end > limit) return false;
  uintptr_t ahead = limit - end < AHEAD ? limit : (end + AHEAD) & ~(HUGE_PAGE - 1);
  if (ahead > __atomic_load_n(&wanted_end, __ATOMIC_RELAXED)) {
    __atomic_store_n(&wanted_end, ahead, __ATOMIC_RELEASE);
    sem_post(&is_wanted);
  }
  return false;
}

// Gives a free range back, unless it is so small a part of a huge page that breaking that up would not be worth it: a
// growing table leaves such ranges behind all the time, and takes them up again.
static bool huge_page_purge(extent_hooks_t *hooks, void *address, size_t size, size_t offset, size_t length,
                            unsigned arena) {
  (void)hooks, (void)size, (void)arena;
  if (length >= KEPT) madvise((char *)address + offset, length, MADV_DONTNEED);
  return false;
}

// Whoever wants a range to read as zeros afterwards is refused, and asks for the above then.
static bool huge_page_refuse(extent_hooks_t *hooks, void *address, size_t size, size_t offset, size_t length,
                             unsigned arena) {
  (void)hooks, (void)address, (void)size, (void)offset, (void)length, (void)arena;
  return true;
}

// Touches pages before they are used. Writes nothing that changes them, so it does not matter who uses them meanwhile;
// extents are never unmapped.
static void *fault_in_ahead(void *unused) {
  uintptr_t place = 0, known = 0;
  for (;;) {
    if (sem_wait(&is_wanted) != 0) continue;
    for (;;) {
      uintptr_t end = __atomic_load_n(&wanted_end, __ATOMIC_ACQUIRE);
      uintptr_t start = __atomic_load_n(&extent_start, __ATOMIC_RELAXED);
      if (start != known) place = known = start;
      // Also when the extent is just changing, and the end is 0: there will be another call.
      if (place >= end) break;
      // Volatile, or the compiler would see that nothing changes.
      __atomic_fetch_or((volatile unsigned char *)place, 0, __ATOMIC_RELAXED);
      place = (place & ~(HUGE_PAGE - 1)) + HUGE_PAGE;
    }
  }
  return unused;
}

int cs_use_huge_pages(void) {
  size_t size = sizeof original_hooks;
  int result = mallctl("arena.0.extent_hooks", &original_hooks, &size, NULL, 0);
  if (result != 0) return result;
  huge_page_hooks = *original_hooks;
  huge_page_hooks.alloc = huge_page_alloc;
  huge_page_hooks.commit = huge_page_commit;
  huge_page_hooks.purge_lazy = huge_page_purge;
  huge_page_hooks.purge_forced = huge_page_refuse;
  if (sem_init(&is_wanted, 0, 0) != 0) return errno;
  pthread_t thread;
  result = pthread_create(&thread, NULL, fault_in_ahead, NULL);
  if (result != 0) return result;
  extent_hooks_t *hooks = &huge_page_hooks;
  return mallctl("arena.0.extent_hooks", NULL, NULL, &hooks, sizeof hooks);
}

void cs_disable_huge_pages(void) { prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); }
