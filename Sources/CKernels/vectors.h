// The 16-lane vectors of the kernels, and their exp, log1p, sigmoid and tanh.
//
// A kernel is one loop over vectors of 16 elements; the last vector may be short. Full and short
// vectors run the same machine code between load and store. Therefore results do not depend on an
// element's position. The compiler divides a vector into two AVX2 registers or four NEON registers;
// one AVX-512 register holds the whole vector.
//
// Functions take vectors by address. By value they would need one calling convention for all
// instruction sets. Macros below the functions give them the form of an expression again.
#ifndef CK_VECTORS_H
#define CK_VECTORS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "CKernels.h"

#pragma clang fp contract(fast)

#if defined(__x86_64__) && defined(__linux__)
#define CK_HOT __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CK_HOT
#endif
#define CK_INLINE static inline __attribute__((always_inline))

#define CK_WIDTH 16
typedef float vec __attribute__((ext_vector_type(16)));
typedef double dvec __attribute__((ext_vector_type(16)));
typedef int32_t ivec __attribute__((ext_vector_type(16)));
typedef uint32_t uvec __attribute__((ext_vector_type(16)));
typedef float vec_unaligned __attribute__((ext_vector_type(16), aligned(4)));
typedef float vec8 __attribute__((ext_vector_type(8)));
typedef float vec4 __attribute__((ext_vector_type(4)));
typedef double dvec8 __attribute__((ext_vector_type(8)));
typedef double dvec4 __attribute__((ext_vector_type(4)));

// MARK: Vectors

/// Visits [0, n) in vectors of 16: a vector begins at i and has k elements.
#define CK_VECTORS(i, k, n) \
  for (long i = 0, k = 0; (k = (n) - i < CK_WIDTH ? (n) - i : CK_WIDTH) > 0; i += CK_WIDTH)

/// Copies k < 16 floats by halving pieces.
CK_INLINE void copy_part(float *to, const float *from, long k) {
  long i = 0;
  if (k & 8) memcpy(to, from, 8 * sizeof(float)), i = 8;
  if (k & 4) memcpy(to + i, from + i, 4 * sizeof(float)), i += 4;
  if (k & 2) memcpy(to + i, from + i, 2 * sizeof(float)), i += 2;
  if (k & 1) to[i] = from[i];
}

CK_INLINE void vec_load_part(vec *v, const float *p, long k) {
  float part[CK_WIDTH] = {0};
  copy_part(part, p, k);
  memcpy(v, part, sizeof part);
}

CK_INLINE void vec_store_part(float *p, const vec *v, long k) {
  float part[CK_WIDTH];
  memcpy(part, v, sizeof part);
  copy_part(p, part, k);
}

/// The k <= 16 elements at p, then zeros.
#define LOAD(p, k)                                    \
  ({                                                  \
    vec load_;                                        \
    if (__builtin_expect((k) == CK_WIDTH, 1))         \
      load_ = *(const vec_unaligned *)(p);            \
    else                                              \
      vec_load_part(&load_, (p), (k));                \
    load_;                                            \
  })

/// Stores the first k <= 16 elements of v at p.
#define STORE(p, v, k)                                \
  do {                                                \
    vec store_ = (v);                                 \
    if (__builtin_expect((k) == CK_WIDTH, 1))         \
      *(vec_unaligned *)(p) = store_;                 \
    else                                              \
      vec_store_part((p), &store_, (k));              \
  } while (0)

/// v with all lanes after the first k set to zero: for sums whose terms are not 0 on padding.
#define FIRST(v, k) ((k) == CK_WIDTH ? (v) : vec_first((v), (k)))
#define vec_first(v, k)                                                               \
  ({                                                                                  \
    const ivec lane_ = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};        \
    lane_ < (int32_t)(k) ? (v) : (vec)0.0f;                                           \
  })

/// The sum of the lanes, always along one fixed tree.
CK_INLINE float vec_sum(const vec *v) {
  vec8 a = v->lo + v->hi;
  vec4 b = a.lo + a.hi;
  return (b.x + b.z) + (b.y + b.w);
}

CK_INLINE double dvec_sum(const dvec *v) {
  dvec8 a = v->lo + v->hi;
  dvec4 b = a.lo + a.hi;
  return (b.x + b.z) + (b.y + b.w);
}

// MARK: Functions
//
// Polynomials are minimax fits by the Remez exchange. Stated errors are those of the whole function
// against the true value; tests check them.

/// x = n ln 2 + r with |r| <= ln 2 / 2: the low bits of `bits` hold n, and p = exp(r) - 1.
CK_INLINE void vec_exp_parts(const vec *x, ivec *bits, vec *p) {
  // Adding 1.5 * 2^23 puts the nearest integer in the low bits.
  const float round = 12582912.0f;
  vec shifted = *x * 1.44269504f + round;
  vec n = shifted - round;
  vec r = *x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  vec q = 0.00139511004f;
  q = q * r + 0.00836923905f;
  q = q * r + 0.0416661948f;
  q = q * r + 0.166665167f;
  q = q * r + 0.5f;
  *bits = (ivec)shifted;
  *p = q * (r * r) + r;
}

#define clamp_above_(x, limit) ((x) > (limit) ? (vec)(limit) : (x))
#define clamp_below_(x, limit) ((x) < (limit) ? (vec)(limit) : (x))
#define CK_EXP_MAX 87.33f
#define CK_EXP_MIN -87.33f

/// exp, within 2 ulp.
CK_INLINE void vec_exp(vec *x) {
  vec c = clamp_below_(*x, CK_EXP_MIN);
  c = clamp_above_(c, CK_EXP_MAX);
  ivec bits;
  vec p;
  vec_exp_parts(&c, &bits, &p);
  *x = (vec)((ivec)(p + 1.0f) + (bits << 23));
}

/// exp of x <= 0, within 2 ulp.
CK_INLINE void vec_exp_negative(vec *x) {
  vec c = clamp_below_(*x, CK_EXP_MIN);
  ivec bits;
  vec p;
  vec_exp_parts(&c, &bits, &p);
  *x = (vec)((ivec)(p + 1.0f) + (bits << 23));
}

/// exp(x) - 1 without cancellation near 0, within 3 ulp.
CK_INLINE void vec_expm1(vec *x) {
  vec c = clamp_below_(*x, CK_EXP_MIN);
  c = clamp_above_(c, CK_EXP_MAX);
  ivec bits;
  vec p;
  vec_exp_parts(&c, &bits, &p);
  vec power = (vec)((bits << 23) + 0x3f800000);
  *x = power * p + (power - 1.0f);
}

/// log(1 + u) for u in [0, 1], within 3 ulp.
CK_INLINE void vec_log1p_unit(vec *u) {
  vec q = -0.00324398046f;
  q = q * *u + 0.0198512543f;
  q = q * *u - 0.0569591261f;
  q = q * *u + 0.106036112f;
  q = q * *u - 0.153055653f;
  q = q * *u + 0.196759298f;
  q = q * *u - 0.249541312f;
  q = q * *u + 0.333299607f;
  q = q * *u - 0.499999017f;
  q = q * *u + 1.0f;
  *u = q * *u;
}

/// log of normal positive numbers, within 2 ulp (near 1: 2 ulp of 1).
CK_INLINE void vec_log(vec *x) {
  // x = 2^e (1 + f), where 1 + f lies between the square roots of 1/2 and 2.
  ivec bits = (ivec)*x;
  ivec exponent = (bits - 0x3f3504f3) >> 23;
  vec f = (vec)(bits - (exponent << 23)) - 1.0f;
  vec e = __builtin_convertvector(exponent, vec);
  vec q = -0.0763449743f;
  q = q * f + 0.127615824f;
  q = q * f - 0.13160184f;
  q = q * f + 0.142017573f;
  q = q * f - 0.166233569f;
  q = q * f + 0.200012267f;
  q = q * f - 0.250008196f;
  q = q * f + 0.333333313f;
  vec z = f * f;
  *x = e * 0.693359375f + (f + (f * z * q - 0.5f * z - e * 2.12194440e-4f));
}

#define ABS(x) ((vec)((ivec)(x) & 0x7fffffff))
#define NEGATIVE_ABS(x) ((vec)((ivec)(x) | (int32_t)0x80000000))
#define EXP(x) ({ vec exp_ = (x); vec_exp(&exp_); exp_; })
#define EXP_NEGATIVE(x) ({ vec exp_ = (x); vec_exp_negative(&exp_); exp_; })
#define EXPM1(x) ({ vec expm1_ = (x); vec_expm1(&expm1_); expm1_; })
#define LOG(x) ({ vec log_ = (x); vec_log(&log_); log_; })
#define LOG1P_UNIT(u) ({ vec log1p_ = (u); vec_log1p_unit(&log1p_); log1p_; })
#define SQRT(x) __builtin_elementwise_sqrt(x)
#define MAX_ZERO(x) ((x) > 0.0f ? (x) : (vec)0.0f)

/// 1 / (1 + exp(-x)), with a small relative error in both tails.
#define SIGMOID(x) (1.0f / (1.0f + EXP(-(x))))

/// log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).
#define SOFTPLUS(x)                                                            \
  ({                                                                           \
    vec softplus_ = (x);                                                       \
    MAX_ZERO(softplus_) + LOG1P_UNIT(EXP_NEGATIVE(NEGATIVE_ABS(softplus_)));   \
  })

/// tanh from t = exp(-2|x|) - 1: tanh |x| = -t / (2 + t).
#define TANH(x)                                                                \
  ({                                                                           \
    vec tanh_ = (x);                                                           \
    vec t_ = EXPM1(2.0f * NEGATIVE_ABS(tanh_));                                \
    (vec)((ivec)ABS(t_ / (2.0f + t_)) | ((ivec)tanh_ & (int32_t)0x80000000));   \
  })

#endif
