// Pixels that are outliers or not, each by a gate of its own, with the gradients.
//
// An inlier is Gaussian around sigmoid(a), an outlier uniform on 0...1. A gate g says how far the
// log odds of an inlier, given the image, are from those before it is seen, `odds`.
#include "vectors.h"

CK_HOT void ck_gated_nll(
  const float *logits, const float *gates, const float *x, float odds, float deviation,
  float *row_loss, float *row_outliers, float *grad, float *gate_grad, long rows, long cols) {
  const float inverse = 1.0f / deviation;
  const float constant = logf(deviation) + 0.91893853f;
  const float log_inlier = -log1pf(expf(-odds)), log_outlier = -log1pf(expf(odds));
  for (long row = 0; row < rows; row++) {
    vec sum = 0.0f, outliers = 0.0f;
    CK_VECTORS(j, k, cols) {
      long at = row * cols + j;
      vec a = LOAD(logits + at, k), g = LOAD(gates + at, k) + odds;
      vec m = SIGMOID(a), share = SIGMOID(g), rest = SIGMOID(-g);
      vec d = (LOAD(x + at, k) - m) * inverse;
      vec inlier = 0.5f * d * d + constant;
      // share (inlier + log share - log_inlier) + rest (log rest - log_outlier)
      vec loss = share * (inlier - SOFTPLUS(-g) - log_inlier) - rest * (SOFTPLUS(g) + log_outlier);
      sum += FIRST(loss, k);
      outliers += FIRST(rest, k);
      if (grad) {
        STORE(grad + at, -share * d * inverse * m * (1.0f - m), k);
        STORE(gate_grad + at, share * rest * (inlier + (g - odds)), k);
      }
    }
    row_loss[row] = vec_sum(&sum);
    row_outliers[row] = vec_sum(&outliers);
  }
}

CK_HOT void ck_without_outliers(
  const float *logits, const float *x, float odds, float deviation, float *y, long n) {
  const float inverse = 1.0f / deviation;
  const float constant = logf(deviation) + 0.91893853f;
  CK_VECTORS(i, k, n) {
    vec m = SIGMOID(LOAD(logits + i, k)), value = LOAD(x + i, k);
    vec d = (value - m) * inverse;
    vec share = SIGMOID(odds - constant - 0.5f * d * d);
    STORE(y + i, m + share * (value - m), k);
  }
}
