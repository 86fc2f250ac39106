// Philox4x32-10 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011), eight blocks
// at a time, and the distributions drawn from it.
#include "vectors.h"

#define CK_CHUNK 32  // words of eight blocks
typedef uint64_t blocks __attribute__((ext_vector_type(8)));
typedef uint32_t chunk __attribute__((ext_vector_type(32)));

/// Words [32 c, 32 c + 32) of the stream, in two vectors. Each 64-bit lane holds one counter word of one block in its
/// low half, which is what the 32 x 32 -> 64 bit multiplication reads; the high half is not kept clean.
CK_INLINE void philox(const ck_stream *stream, long c, uvec words[2]) {
  const uint64_t low = 0xffffffffu;
  const blocks step = {0, 1, 2, 3, 4, 5, 6, 7};
  blocks c0 = (uint64_t)(uint32_t)(c * 8) + step, c1 = stream->row, c2 = stream->time;
  blocks c3 = stream->purpose;
  uint32_t k0 = (uint32_t)stream->seed, k1 = (uint32_t)(stream->seed >> 32);
#pragma clang loop unroll(full)
  for (int round = 0; round < 10; round++) {
    blocks p0 = (c0 & low) * (blocks)0xD2511F53u, p1 = (c2 & low) * (blocks)0xCD9E8D57u;
    c0 = (p1 >> 32) ^ c1 ^ (uint64_t)k0;
    c1 = p1;
    c2 = (p0 >> 32) ^ c3 ^ (uint64_t)k1;
    c3 = p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  blocks a = (c0 & low) | (c1 << 32), b = (c2 & low) | (c3 << 32);
  words[0] = (uvec)__builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  words[1] = (uvec)__builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/// Natural logarithm of positive normal numbers, absolute error about 1e-7 near 1, else relative.
CK_INLINE void vec_log(vec *x) {
  ivec bits = (ivec)*x - 0x3f3504f3;  // 1 / sqrt 2
  vec f = (vec)((bits & 0x007fffff) + 0x3f3504f3) - 1.0f;
  vec exponent = __builtin_convertvector(bits >> 23, vec);
  vec q = 0.0892739818f;
  q = q * f - 0.143447682f;
  q = q * f + 0.148710743f;
  q = q * f - 0.165662259f;
  q = q * f + 0.199660718f;
  q = q * f - 0.250017315f;
  q = q * f + 0.33333838f;
  q = q * f - 0.5f;
  *x = exponent * 0.693147181f + (q * (f * f) + f);
}

/// The standard normal quantile of u = ((word >> 8) + 0.5) 2^-24.
///
/// With z = 2u - 1, exact in a float, and w = -log(1 - z^2), quantile / z is smooth in w, and in sqrt(w) far out
/// (Giles, "Approximating the erfinv function", GPU Computing Gems, 2011). Polynomials fitted anew.
CK_INLINE void vec_normal(const uvec *words, vec *out) {
  const float half = 8388608.0f;  // 2^23
  vec z = __builtin_convertvector((ivec)(*words >> 8) - 8388608, vec) + 0.5f;
  vec size = ABS(z);
  vec w = ((half - size) * 0x1p-23f) * ((half + size) * 0x1p-23f);
  vec_log(&w);
  w = -w;
  z *= 0x1p-23f;

  vec t = w - 3.25f;
  vec q = -6.11779249e-9f;
  q = q * t - 1.73039361e-8f;
  q = q * t + 5.81608163e-7f;
  q = q * t - 1.67384667e-6f;
  q = q * t - 2.10590133e-5f;
  q = q * t + 0.000252282305f;
  q = q * t - 0.0009181585f;
  q = q * t - 0.00890245941f;
  q = q * t + 0.337454319f;
  q = q * t + 2.38093996f;

  ivec outer = w > 6.5f;  // about one block in eighty has such an element
  if (__builtin_expect(__builtin_reduce_or(outer) != 0, 0)) {
    vec s = SQRT(w) - 3.0f;
    vec tail = 0.00128838967f;
    tail = tail * s - 0.00471896632f;
    tail = tail * s + 0.00825057272f;
    tail = tail * s - 0.0109090423f;
    tail = tail * s + 0.0133407358f;
    tail = tail * s + 1.41658843f;
    tail = tail * s + 4.00643444f;
    q = outer ? tail : q;
  }
  *out = q * z;
}

CK_HOT void ck_words(ck_stream stream, uint32_t *out, long n) {
  for (long i = 0; i < n; i += CK_CHUNK) {
    uvec words[2];
    philox(&stream, i / CK_CHUNK, words);
    long k = n - i < CK_CHUNK ? n - i : CK_CHUNK;
    memcpy(out + i, words, (size_t)k * sizeof(uint32_t));
  }
}

CK_HOT void ck_uniform(ck_stream stream, float *out, long n) {
  for (long i = 0; i < n; i += CK_CHUNK) {
    uvec words[2];
    philox(&stream, i / CK_CHUNK, words);
    CK_BLOCKS(j, k, n - i < CK_CHUNK ? n - i : CK_CHUNK) {
      vec u = __builtin_convertvector((ivec)(words[j / CK_WIDTH] >> 8), vec) * 0x1p-24f;
      STORE(out + i + j, u, k);
    }
  }
}

CK_HOT void ck_normal(ck_stream stream, float *out, long n) {
  for (long i = 0; i < n; i += CK_CHUNK) {
    uvec words[2];
    philox(&stream, i / CK_CHUNK, words);
    CK_BLOCKS(j, k, n - i < CK_CHUNK ? n - i : CK_CHUNK) {
      vec normal;
      vec_normal(&words[j / CK_WIDTH], &normal);
      STORE(out + i + j, normal, k);
    }
  }
}

CK_HOT void ck_add_normal(float *y, const float *x, long n, float sigma, ck_stream stream) {
  for (long i = 0; i < n; i += CK_CHUNK) {
    uvec words[2];
    philox(&stream, i / CK_CHUNK, words);
    CK_BLOCKS(j, k, n - i < CK_CHUNK ? n - i : CK_CHUNK) {
      vec normal;
      vec_normal(&words[j / CK_WIDTH], &normal);
      STORE(y + i + j, LOAD(x + i + j, k) + sigma * normal, k);
    }
  }
}
