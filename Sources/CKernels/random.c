// Philox4x32-10, eight blocks at a time, and the distributions drawn from it.
//
// Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#include "vectors.h"

// Eight Philox blocks give a chunk of 32 numbers, which vectors of that width hold. The polynomials
// are long chains of dependent operations. One AVX2 register at a time would mostly wait.
#define CK_CHUNK 32
typedef uint64_t blocks __attribute__((ext_vector_type(8)));
typedef float chunk __attribute__((ext_vector_type(32)));
typedef int32_t ichunk __attribute__((ext_vector_type(32)));
typedef uint32_t uchunk __attribute__((ext_vector_type(32)));
typedef float chunk_unaligned __attribute__((ext_vector_type(32), aligned(4)));

/// Visits [0, n) in chunks of 32: a chunk begins at i and has k elements.
#define CK_CHUNKS(i, k, n) \
  for (long i = 0, k = 0; (k = (n) - i < CK_CHUNK ? (n) - i : CK_CHUNK) > 0; i += CK_CHUNK)

/// Stores the first k <= 32 of 32 numbers of four bytes.
CK_INLINE void store_chunk(void *to, const chunk *v, long k) {
  if (__builtin_expect(k == CK_CHUNK, 1)) {
    *(chunk_unaligned *)to = *v;
  } else {
    float part[CK_CHUNK];
    memcpy(part, v, sizeof part);
    if (k & CK_WIDTH) memcpy(to, part, CK_WIDTH * sizeof(float));
    long done = k & CK_WIDTH;
    copy_part((float *)to + done, part + done, k - done);
  }
}

/// Words [first, first + 32) of the stream; first is a multiple of 32. The low half of each 64-bit
/// lane holds one counter word of one block. The 32 x 32 -> 64 bit multiplication reads only this
/// half; the high half may hold anything.
CK_INLINE void philox(const ck_stream *stream, long first, uchunk *words) {
  const uint64_t low = 0xffffffffu;
  const blocks step = {0, 1, 2, 3, 4, 5, 6, 7};
  blocks c0 = (uint64_t)(uint32_t)(first / 4) + step, c1 = stream->row, c2 = stream->time;
  blocks c3 = stream->purpose;
  uint32_t k0 = (uint32_t)stream->seed, k1 = (uint32_t)(stream->seed >> 32);
#pragma clang loop unroll(full)
  for (int round = 0; round < 10; round++) {
    blocks p0 = (c0 & low) * (blocks)0xD2511F53u, p1 = (c2 & low) * (blocks)0xCD9E8D57u;
    c0 = (p1 >> 32) ^ (c1 ^ (uint64_t)k0);
    c1 = p1;
    c2 = (p0 >> 32) ^ (c3 ^ (uint64_t)k1);
    c3 = p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  blocks a = (c0 & low) | (c1 << 32), b = (c2 & low) | (c3 << 32);
  *words = (uchunk)__builtin_shufflevector(
    a, b, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
}

/// The standard normal quantiles of u = ((word >> 8) + 0.5) 2^-24.
///
/// z = 2u - 1 is exact in a float; w = -log(1 - z^2). quantile / z is smooth in w, and for large w
/// in sqrt(w) (Giles, "Approximating the erfinv function", GPU Computing Gems, 2011). The
/// polynomials were fitted anew.
CK_INLINE void quantiles(const uchunk *words, chunk *out) {
  const float half = 8388608.0f;  // 2^23
  chunk z = __builtin_convertvector((ichunk)(*words >> 8) - 8388608, chunk) + 0.5f;
  chunk size = (chunk)((ichunk)z & 0x7fffffff);
  chunk v = ((half - size) * 0x1p-23f) * ((half + size) * 0x1p-23f);  // 1 - z^2
  z *= 0x1p-23f;

  // log v, from v = 2^e (1 + f) with 1 + f in [1 / sqrt 2, sqrt 2).
  ichunk bits = (ichunk)v - 0x3f3504f3;
  chunk f = (chunk)((bits & 0x007fffff) + 0x3f3504f3) - 1.0f;
  chunk e = __builtin_convertvector(bits >> 23, chunk);
  chunk q = 0.0892739818f;
  q = q * f - 0.143447682f;
  q = q * f + 0.148710743f;
  q = q * f - 0.165662259f;
  q = q * f + 0.199660718f;
  q = q * f - 0.250017315f;
  q = q * f + 0.33333838f;
  q = q * f - 0.5f;
  chunk w = -(e * 0.693147181f + (q * (f * f) + f));

  chunk t = w - 3.25f;
  q = -6.11779249e-9f;
  q = q * t - 1.73039361e-8f;
  q = q * t + 5.81608163e-7f;
  q = q * t - 1.67384667e-6f;
  q = q * t - 2.10590133e-5f;
  q = q * t + 0.000252282305f;
  q = q * t - 0.0009181585f;
  q = q * t - 0.00890245941f;
  q = q * t + 0.337454319f;
  q = q * t + 2.38093996f;

  ichunk outer = w > 6.5f;  // one chunk in forty has such an element
  if (__builtin_expect(__builtin_reduce_or(outer) != 0, 0)) {
    chunk s = __builtin_elementwise_sqrt(w) - 3.0f;
    chunk tail = 0.00128838967f;
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
  CK_CHUNKS(i, k, n) {
    uchunk words;
    philox(&stream, i, &words);
    store_chunk(out + i, (const chunk *)&words, k);
  }
}

CK_HOT void ck_uniform(ck_stream stream, float *out, long n) {
  CK_CHUNKS(i, k, n) {
    uchunk words;
    philox(&stream, i, &words);
    chunk uniform = __builtin_convertvector((ichunk)(words >> 8), chunk) * 0x1p-24f;
    store_chunk(out + i, &uniform, k);
  }
}

// Normal draws make some chunks of words before the quantiles. Two short loops overlap their own
// iterations better than one long loop: a tenth faster.
#define CK_AHEAD 8

CK_HOT void ck_normal(ck_stream stream, float *out, long n) {
  uchunk words[CK_AHEAD];
  for (long first = 0; first < n; first += CK_AHEAD * CK_CHUNK) {
    long count = n - first < CK_AHEAD * CK_CHUNK ? n - first : CK_AHEAD * CK_CHUNK;
    for (long i = 0; i < count; i += CK_CHUNK) philox(&stream, first + i, &words[i / CK_CHUNK]);
    CK_CHUNKS(i, k, count) {
      chunk normal;
      quantiles(&words[i / CK_CHUNK], &normal);
      store_chunk(out + first + i, &normal, k);
    }
  }
}

CK_HOT void ck_add_normal(float *y, const float *x, long n, float sigma, ck_stream stream) {
  float normal[CK_AHEAD * CK_CHUNK];
  uchunk words[CK_AHEAD];
  for (long first = 0; first < n; first += CK_AHEAD * CK_CHUNK) {
    long count = n - first < CK_AHEAD * CK_CHUNK ? n - first : CK_AHEAD * CK_CHUNK;
    for (long i = 0; i < count; i += CK_CHUNK) philox(&stream, first + i, &words[i / CK_CHUNK]);
    for (long i = 0; i < count; i += CK_CHUNK) {
      chunk some;
      quantiles(&words[i / CK_CHUNK], &some);
      *(chunk_unaligned *)(normal + i) = some;
    }
    CK_VECTORS(i, k, count) {
      long at = first + i;
      STORE(y + at, LOAD(x + at, k) + sigma * LOAD(normal + i, k), k);
    }
  }
}

/// Uniform numbers on [0, 1): at most CK_AHEAD chunks of them, from `first` on.
CK_INLINE void uniforms(const ck_stream *stream, long first, long count, float *out) {
  for (long i = 0; i < count; i += CK_CHUNK) {
    uchunk words;
    philox(stream, first + i, &words);
    *(chunk_unaligned *)(out + i) =
      __builtin_convertvector((ichunk)(words >> 8), chunk) * 0x1p-24f;
  }
}

/// Visits [0, n) in pieces of CK_AHEAD chunks: a piece begins at `first` and has `count` elements.
#define CK_PIECES(first, count, n)                                                           \
  for (long first = 0, count = 0;                                                            \
       (count = (n) - first < CK_AHEAD * CK_CHUNK ? (n) - first : CK_AHEAD * CK_CHUNK) > 0;  \
       first += CK_AHEAD * CK_CHUNK)

CK_HOT void ck_replace_binary(
  float *x, const float *rates, float rate, float ones, long n, ck_stream stream) {
  float uniform[CK_AHEAD * CK_CHUNK];
  CK_PIECES(first, count, n) {
    uniforms(&stream, first, count, uniform);
    CK_VECTORS(i, k, count) {
      long at = first + i;
      vec u = LOAD(uniform + i, k), value = LOAD(x + at, k);
      vec limit = rate, one = rate * ones;
      if (rates) {
        limit = LOAD(rates + at, k);
        one = limit * limit;
      }
      vec replacement = u < one ? (vec)1.0f : (vec)0.0f;
      STORE(x + at, u < limit ? replacement : value, k);
    }
  }
}

CK_HOT void ck_binarize(float *x, long n, ck_stream stream) {
  float uniform[CK_AHEAD * CK_CHUNK];
  CK_PIECES(first, count, n) {
    uniforms(&stream, first, count, uniform);
    CK_VECTORS(i, k, count) {
      vec u = LOAD(uniform + i, k);
      STORE(x + first + i, u < LOAD(x + first + i, k) ? (vec)1.0f : (vec)0.0f, k);
    }
  }
}
