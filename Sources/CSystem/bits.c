#include "csystem.h"
#include <string.h>

// Counting bits with what the processor has: each call asks what that is, which is one load.

static size_t count_words(const unsigned char *bytes, size_t count) {
  size_t total = 0;
  size_t place = 0;
  for (; place + 32 <= count; place += 32) {
    uint64_t words[4];
    memcpy(words, bytes + place, 32);
    total += (size_t)(__builtin_popcountll(words[0]) + __builtin_popcountll(words[1]));
    total += (size_t)(__builtin_popcountll(words[2]) + __builtin_popcountll(words[3]));
  }
  for (; place < count; place++) total += (size_t)__builtin_popcount(bytes[place]);
  return total;
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("popcnt"))) static size_t count_popcnt(const unsigned char *bytes, size_t count) {
  // Four sums: popcnt takes three cycles, and on many processors waits for its target register.
  uint64_t sums[4] = {0, 0, 0, 0};
  size_t place = 0;
  for (; place + 32 <= count; place += 32) {
    uint64_t words[4];
    memcpy(words, bytes + place, 32);
    sums[0] += (uint64_t)__builtin_popcountll(words[0]);
    sums[1] += (uint64_t)__builtin_popcountll(words[1]);
    sums[2] += (uint64_t)__builtin_popcountll(words[2]);
    sums[3] += (uint64_t)__builtin_popcountll(words[3]);
  }
  size_t total = sums[0] + sums[1] + sums[2] + sums[3];
  for (; place < count; place++) total += (size_t)__builtin_popcount(bytes[place]);
  return total;
}

__attribute__((target("avx512f,avx512vpopcntdq,popcnt"))) static size_t count_avx512(const unsigned char *bytes,
                                                                                   size_t count) {
  __m512i first = _mm512_setzero_si512();
  __m512i second = first;
  size_t place = 0;
  for (; place + 128 <= count; place += 128) {
    first = _mm512_add_epi64(first, _mm512_popcnt_epi64(_mm512_loadu_si512(bytes + place)));
    second = _mm512_add_epi64(second, _mm512_popcnt_epi64(_mm512_loadu_si512(bytes + place + 64)));
  }
  size_t total = (size_t)_mm512_reduce_add_epi64(_mm512_add_epi64(first, second));
  return total + count_popcnt(bytes + place, count - place);
}

size_t cs_count_bits(const void *_Nonnull bytes, size_t count) {
  if (count >= 256 && __builtin_cpu_supports("avx512vpopcntdq")) return count_avx512(bytes, count);
  if (__builtin_cpu_supports("popcnt")) return count_popcnt(bytes, count);
  return count_words(bytes, count);
}
#else
size_t cs_count_bits(const void *_Nonnull bytes, size_t count) { return count_words(bytes, count); }
#endif
