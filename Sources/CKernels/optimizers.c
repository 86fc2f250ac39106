// Optimizer updates: one loop over parameter, gradient and state.
#include "vectors.h"

CK_HOT void ck_adam(
  float *p, const float *g, float *m, float *v, long n, float step, double b1, double b2, float eps,
  float inv_sqrt_bias2) {
  const float decay2 = (float)b2;
  const float one_minus_b1 = (float)(1.0 - b1), one_minus_b2 = (float)(1.0 - b2);
  CK_VECTORS(i, k, n) {
    vec gradient = LOAD(g + i, k), first = LOAD(m + i, k), second = LOAD(v + i, k);
    first = first + one_minus_b1 * (gradient - first);
    second = decay2 * second + one_minus_b2 * (gradient * gradient);
    vec denominator = SQRT(second) * inv_sqrt_bias2 + eps;
    STORE(p + i, LOAD(p + i, k) - step * (first / denominator), k);
    STORE(m + i, first, k);
    STORE(v + i, second, k);
  }
}

CK_HOT void ck_rmsprop(
  float *p, const float *g, float *sq, float *buf, long n, float lr, double alpha, float eps,
  float momentum) {
  const float decay = (float)alpha, one_minus_alpha = (float)(1.0 - alpha);
  CK_VECTORS(i, k, n) {
    vec gradient = LOAD(g + i, k);
    vec square = decay * LOAD(sq + i, k) + one_minus_alpha * (gradient * gradient);
    vec direction = gradient / (SQRT(square) + eps);
    STORE(sq + i, square, k);
    if (buf) {
      direction = momentum * LOAD(buf + i, k) + direction;
      STORE(buf + i, direction, k);
    }
    STORE(p + i, LOAD(p + i, k) - lr * direction, k);
  }
}
