// SHA-1 from libmd, with pointers that Swift knows never to be null.
#ifndef NEEDLETAIL_CDIGEST_SHIM_H
#define NEEDLETAIL_CDIGEST_SHIM_H

#include <stddef.h>
#include <stdint.h>
#include <sha1.h>

// Writes the SHA-1 of `count` bytes to the 20 bytes at `digest`, which may be the same memory.
static inline void cd_sha1(const void *_Nonnull bytes, size_t count, void *_Nonnull digest) {
  SHA1_CTX context;
  SHA1Init(&context);
  SHA1Update(&context, (const uint8_t *)bytes, count);
  SHA1Final((uint8_t *)digest, &context);
}

#endif
