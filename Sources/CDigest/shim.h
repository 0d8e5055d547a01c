// SHA-1 and SHA-256 from libmd, with pointers that Swift knows never to be null.
#ifndef NEEDLETAIL_CDIGEST_SHIM_H
#define NEEDLETAIL_CDIGEST_SHIM_H

#include <stddef.h>
#include <stdint.h>
#include <sha1.h>
#include <sha2.h>

// Writes the SHA-1 of `count` bytes to the 20 bytes at `digest`, which may be the same memory.
static inline void cd_sha1(const void *_Nonnull bytes, size_t count, void *_Nonnull digest) {
  SHA1_CTX context;
  SHA1Init(&context);
  SHA1Update(&context, (const uint8_t *)bytes, count);
  SHA1Final((uint8_t *)digest, &context);
}

// The same with SHA-256 and 32 bytes; `bytes` may be null when there are none.
static inline void cd_sha256(const void *_Nullable bytes, size_t count, void *_Nonnull digest) {
  SHA2_CTX context;
  SHA256Init(&context);
  if (count > 0) SHA256Update(&context, (const uint8_t *)bytes, count);
  SHA256Final((uint8_t *)digest, &context);
}

#endif
