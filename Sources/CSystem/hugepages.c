// A hook in jemalloc that asks the kernel for huge pages. In C because the hook needs a place of its own.
#include "csystem.h"

#include <jemalloc/jemalloc.h>
#include <stdbool.h>

static extent_hooks_t *original_hooks;
static extent_hooks_t huge_page_hooks;

static void *huge_page_alloc(extent_hooks_t *hooks, void *address, size_t size, size_t alignment, bool *zero,
                             bool *commit, unsigned arena) {
  (void)hooks;
  void *extent = original_hooks->alloc(original_hooks, address, size, alignment, zero, commit, arena);
  if (extent != NULL) madvise(extent, size, MADV_HUGEPAGE);
  return extent;
}

int cs_use_huge_pages(void) {
  size_t size = sizeof original_hooks;
  int result = mallctl("arena.0.extent_hooks", &original_hooks, &size, NULL, 0);
  if (result != 0) return result;
  huge_page_hooks = *original_hooks;
  huge_page_hooks.alloc = huge_page_alloc;
  extent_hooks_t *hooks = &huge_page_hooks;
  return mallctl("arena.0.extent_hooks", NULL, NULL, &hooks, sizeof hooks);
}
