// The element-wise steps of robust PCA (Models/LowRank/RobustPCA.swift): X = L + S with multipliers
// Y. L and all arithmetic are double; X, S, Y and R are kept as floats.
#include "vectors.h"

#pragma clang fp reassociate(on)

static inline double shrunk(double v, double t) {
  double clip = v > t ? t : v;
  clip = clip < -t ? -t : clip;
  return v - clip;
}

CK_HOT void ck_pursuit_deviation(
  double *restrict a, const float *restrict x, const float *restrict s, const float *restrict y,
  double inverse_mu, long n) {
  for (long i = 0; i < n; i++) a[i] = (double)x[i] - (double)s[i] + (double)y[i] * inverse_mu;
}

CK_HOT double ck_pursuit_multipliers_first(
  const float *restrict x, const double *restrict l, float *restrict s, float *restrict y,
  double mu, double next_mu, double lambda, long n) {
  double residual = 0, inverse = 1 / next_mu, t = lambda / next_mu;
  for (long i = 0; i < n; i++) {
    double rest = (double)x[i] - l[i], r = rest - (double)s[i];
    float next = (float)((double)y[i] + mu * r);
    residual += r * r;
    y[i] = next;
    s[i] = (float)shrunk(rest + (double)next * inverse, t);
  }
  return residual;
}

CK_HOT double ck_pursuit_sparse_first(
  const float *restrict x, const double *restrict l, float *restrict s, float *restrict y,
  double mu, double lambda, long n) {
  double residual = 0, inverse = 1 / mu, t = lambda / mu;
  for (long i = 0; i < n; i++) {
    double rest = (double)x[i] - l[i];
    float sparse = (float)shrunk(rest + (double)y[i] * inverse, t);
    double r = rest - (double)sparse;
    residual += r * r;
    s[i] = sparse;
    y[i] = (float)((double)y[i] + mu * r);
  }
  return residual;
}

/// Minimises lambda |shrink(s, e)| + mu / 2 (s - v)^2: v moved by t towards zero where it stays
/// beyond e, v itself within e, else e with v's sign.
static inline double shrunk_beyond(double v, double t, double e) {
  double size = fabs(v);
  double moved = size > e + t ? size - t : size < e ? size : e;
  return v < 0 ? -moved : moved;
}

CK_HOT void ck_pursuit_tolerant(
  const float *restrict x, const double *restrict l, float *restrict s, float *restrict y,
  float *restrict r, double mu, double lambda, double tolerance, long n, double sums[2]) {
  double residual = 0, change = 0, inverse = 1 / mu, t = lambda / mu;
  for (long i = 0; i < n; i++) {
    double rest = (double)x[i] - l[i];
    float sparse = (float)shrunk_beyond(rest + (double)y[i] * inverse, t, tolerance);
    double now = rest - (double)sparse, moved = now - (double)r[i];
    residual += now * now;
    change += moved * moved;
    s[i] = sparse;
    r[i] = (float)now;
    y[i] = (float)((double)y[i] + mu * now);
  }
  sums[0] += residual;
  sums[1] += change;
}
