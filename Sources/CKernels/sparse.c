// The proximal step that finds the sparse part S of X = L + S.
#include "vectors.h"

/// sign(v) max(|v| - t, 0), computed as v - clip(v, -t, t): zeros are positive, NaN stays NaN, and
/// an infinite t gives 0.
#define SHRINK(v, t)                                   \
  ({                                                   \
    vec v_ = (v);                                      \
    vec clip_ = v_ > (t) ? (vec)(t) : v_;              \
    clip_ = clip_ < -(t) ? (vec)(-(t)) : clip_;        \
    v_ - clip_;                                        \
  })

CK_HOT void ck_soft_threshold(const float *v, float *out, float t, long n) {
  CK_VECTORS(i, k, n) STORE(out + i, SHRINK(LOAD(v + i, k), t), k);
}

CK_HOT void ck_project_sparse(
  const float *x, const float *l, float *s, float *r, long n, float t, double sums[3]) {
  dvec residual = 0.0, change = 0.0;
  ivec nonzeros = 0;
  double counted = 0;
  long since = 0;
  CK_VECTORS(i, k, n) {
    vec deviation = LOAD(x + i, k) - LOAD(l + i, k);
    vec sparse = SHRINK(deviation, t);
    vec now = deviation - sparse;
    vec moved = now - LOAD(r + i, k);
    STORE(s + i, sparse, k);
    STORE(r + i, now, k);
    dvec wide = __builtin_convertvector(now, dvec);
    dvec wide_moved = __builtin_convertvector(moved, dvec);
    residual += wide * wide;
    change += wide_moved * wide_moved;
    nonzeros -= sparse != 0.0f;
    if (++since == 1 << 26) {  // before the sum of the lanes' counters can overflow
      counted += (double)__builtin_reduce_add(nonzeros);
      nonzeros = 0;
      since = 0;
    }
  }
  sums[0] += dvec_sum(&residual);
  sums[1] += dvec_sum(&change);
  sums[2] += counted + (double)__builtin_reduce_add(nonzeros);
}
