#include "csystem.h"
#include <string.h>

// Counting, combining and searching bits with what the processor has: each call asks what that is, which is one load.

// --- Counting ------------------------------------------------------------------------------------------------------

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

// --- Combining and searching ---------------------------------------------------------------------------------------

// 64 bytes, wherever they lie; the compiler makes as few instructions of them as the function's processor allows.
typedef uint64_t any_line __attribute__((vector_size(64), aligned(1), may_alias));
typedef uint64_t line __attribute__((vector_size(64), may_alias));

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE void store(unsigned char *to, const any_line *value, _Bool past_caches) {
  if (past_caches) {
    __builtin_nontemporal_store((line)*value, (line *)to);
  } else {
    *(any_line *)to = *value;
  }
}

// One loop of each kind. Two lines are read before they are written: `to` may be one of the operands.
#define LOOP(expression)                                                                                               \
  for (; place + 128 <= count; place += 128) {                                                                         \
    any_line a = *(const any_line *)(first + place), b = *(const any_line *)(second + place);                          \
    any_line one = (expression);                                                                                       \
    a = *(const any_line *)(first + place + 64), b = *(const any_line *)(second + place + 64);                         \
    any_line other = (expression);                                                                                     \
    store(to + place, &one, past_caches);                                                                              \
    store(to + place + 64, &other, past_caches);                                                                       \
  }                                                                                                                    \
  break

ALWAYS_INLINE size_t combine_lines(enum cs_bit_operation operation, unsigned char *to, const unsigned char *first,
                                   const unsigned char *second, size_t count, _Bool past_caches) {
  size_t place = 0;
  switch (operation) {
    case CS_BITS_AND: LOOP(a & b);
    case CS_BITS_OR: LOOP(a | b);
    case CS_BITS_XOR: LOOP(a ^ b);
    case CS_BITS_AND_NOT: LOOP(a & ~b);
    case CS_BITS_NOT: LOOP(~a);
  }
  return place;
}

// How many bytes from the beginning are `byte`, in steps of four lines; what is left may be so, too.
ALWAYS_INLINE size_t skip_lines(const unsigned char *bytes, size_t count, unsigned char byte) {
  const uint64_t word = byte * UINT64_C(0x0101010101010101);
  const any_line same = {word, word, word, word, word, word, word, word};
  size_t place = 0;
  for (; place + 256 <= count; place += 256) {
    const any_line *lines = (const any_line *)(bytes + place);
    any_line unlike = ((lines[0] ^ same) | (lines[1] ^ same)) | ((lines[2] ^ same) | (lines[3] ^ same));
    if (__builtin_reduce_or(unlike) != 0) break;
  }
  return place;
}

#define VARIANT(name, features)                                                                                        \
  features static size_t combine_##name(enum cs_bit_operation operation, unsigned char *to,                            \
                                        const unsigned char *first, const unsigned char *second, size_t count,         \
                                        _Bool past_caches) {                                                           \
    return past_caches ? combine_lines(operation, to, first, second, count, 1)                                         \
                       : combine_lines(operation, to, first, second, count, 0);                                        \
  }                                                                                                                    \
  features static size_t skip_##name(const unsigned char *bytes, size_t count, unsigned char byte) {                   \
    return skip_lines(bytes, count, byte);                                                                             \
  }

VARIANT(plain, )
#if defined(__x86_64__)
VARIANT(avx2, __attribute__((target("avx2"))))
VARIANT(avx512, __attribute__((target("avx512f"))))
#endif

static void combine_bytes(enum cs_bit_operation operation, unsigned char *to, const unsigned char *first,
                          const unsigned char *second, size_t count) {
  for (size_t place = 0; place < count; place++) {
    unsigned char a = first[place], b = second[place];
    switch (operation) {
      case CS_BITS_AND: to[place] = a & b; break;
      case CS_BITS_OR: to[place] = a | b; break;
      case CS_BITS_XOR: to[place] = a ^ b; break;
      case CS_BITS_AND_NOT: to[place] = (unsigned char)(a & ~b); break;
      case CS_BITS_NOT: to[place] = (unsigned char)~a; break;
    }
  }
}

void cs_combine_bits(enum cs_bit_operation operation, void *_Nonnull result, const void *_Nonnull first_operand,
                     const void *_Nonnull second_operand, size_t count, _Bool past_caches) {
  unsigned char *to = result;
  const unsigned char *first = first_operand, *second = second_operand;
  if (past_caches) {
    // Such stores must be aligned.
    size_t before = -(uintptr_t)to & 63;
    if (before > count) before = count;
    combine_bytes(operation, to, first, second, before);
    to += before, first += before, second += before, count -= before;
  }
  size_t done;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    done = combine_avx512(operation, to, first, second, count, past_caches);
  } else if (__builtin_cpu_supports("avx2")) {
    done = combine_avx2(operation, to, first, second, count, past_caches);
  } else {
    done = combine_plain(operation, to, first, second, count, past_caches);
  }
  // Stores past the caches are not ordered with others, and another thread may be told of the result.
  if (past_caches) _mm_sfence();
#else
  done = combine_plain(operation, to, first, second, count, past_caches);
#endif
  combine_bytes(operation, to + done, first + done, second + done, count - done);
}

size_t cs_skip_bytes(const void *_Nonnull start, size_t count, uint8_t byte) {
  const unsigned char *bytes = start;
  size_t place;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    place = skip_avx512(bytes, count, byte);
  } else if (__builtin_cpu_supports("avx2")) {
    place = skip_avx2(bytes, count, byte);
  } else {
    place = skip_plain(bytes, count, byte);
  }
#else
  place = skip_plain(bytes, count, byte);
#endif
  while (place < count && bytes[place] == byte) place++;
  return place;
}
