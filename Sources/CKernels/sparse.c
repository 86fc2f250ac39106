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

/// What is left of a pixel whose magnitude is g: 0 to t for the rule `group`, whole above 2 t for
/// `firm`.
static inline float kept_share(float g, float t, int firm) {
  if (!(g > t)) return 0.0f;
  if (!firm) return 1.0f - t / g;
  return g < 2.0f * t ? (g - t) / t : 1.0f;
}

CK_HOT void ck_shrink_pixels(
  const float *v, float *out, long pixels, int channels, float t, int firm) {
  for (long i = 0; i < pixels; i++, v += channels, out += channels) {
    float g = 0.0f;
    for (int c = 0; c < channels; c++) {
      float size = fabsf(v[c]);
      g = firm ? (size > g ? size : g) : g + size * size;
    }
    float share = kept_share(firm ? g : sqrtf(g), t, firm);
    for (int c = 0; c < channels; c++) out[c] = v[c] * share;
  }
}

CK_HOT void ck_project_pixels(
  const float *x, const float *l, float *s, float *r, long pixels, int channels, float t, int firm,
  double sums[3]) {
  double residual = 0.0, change = 0.0;
  long nonzeros = 0;
  long n = pixels * channels;
  for (long i = 0; i < n; i++) s[i] = x[i] - l[i];
  for (long i = 0; i < n; i += channels) {
    float deviation[4];
    for (int c = 0; c < channels; c++) deviation[c] = s[i + c];
    ck_shrink_pixels(s + i, s + i, 1, channels, t, firm);
    for (int c = 0; c < channels; c++) {
      float now = deviation[c] - s[i + c];
      double wide = now, moved = (double)now - r[i + c];
      r[i + c] = now;
      residual += wide * wide;
      change += moved * moved;
      nonzeros += s[i + c] != 0.0f;
    }
  }
  sums[0] += residual;
  sums[1] += change;
  sums[2] += (double)nonzeros;
}
