// XXH3, compiled into whoever calls it: the header is all that is used of the library.
#ifndef NEEDLETAIL_CXXHASH_SHIM_H
#define NEEDLETAIL_CXXHASH_SHIM_H

#define XXH_INLINE_ALL
#include <xxhash.h>

// The 64-bit XXH3, unseeded, of n bytes; p is not read when n is 0.
static inline uint64_t xxh3_digest(const void *_Nonnull p, size_t n) { return XXH3_64bits(p, n); }

#endif
