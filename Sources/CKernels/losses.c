// Losses summed over each row. Their gradients are computed in the same loop. Also the
// reparameterised sample.
#include "vectors.h"

/// softplus(a) and sigmoid(a) from one exp. The loss has the same bits with and without `sigmoid`.
CK_INLINE void softplus_and_sigmoid(const vec *a, vec *softplus, vec *sigmoid) {
  vec e = EXP_NEGATIVE(NEGATIVE_ABS(*a));
  *softplus = MAX_ZERO(*a) + LOG1P_UNIT(e);
  if (sigmoid) *sigmoid = (*a < 0.0f ? e : (vec)1.0f) / (1.0f + e);
}

CK_INLINE void bernoulli_loop(
  const float *logits, const float *x, float *row_loss, float *grad, long rows, long cols) {
  for (long row = 0; row < rows; row++) {
    vec sum = 0.0f;
    CK_VECTORS(j, k, cols) {
      long at = row * cols + j;
      vec a = LOAD(logits + at, k), target = LOAD(x + at, k);
      vec softplus, sigmoid;
      softplus_and_sigmoid(&a, &softplus, grad ? &sigmoid : NULL);
      sum += FIRST(softplus - target * a, k);
      if (grad) STORE(grad + at, sigmoid - target, k);
    }
    row_loss[row] = vec_sum(&sum);
  }
}

CK_HOT void ck_bernoulli_nll(
  const float *logits, const float *x, float *row_loss, float *grad, long rows, long cols) {
  if (grad)
    bernoulli_loop(logits, x, row_loss, grad, rows, cols);
  else
    bernoulli_loop(logits, x, row_loss, NULL, rows, cols);
}

CK_HOT void ck_gaussian_nll(
  const float *x, const float *mean, const float *logvar, float *row_loss, float *dmean,
  float *dlogvar, long rows, long cols) {
  const float log_two_pi = 1.83787707f;
  for (long row = 0; row < rows; row++) {
    vec sum = 0.0f;
    CK_VECTORS(j, k, cols) {
      long at = row * cols + j;
      vec lv = LOAD(logvar + at, k);
      vec difference = LOAD(mean + at, k) - LOAD(x + at, k);
      vec scaled = difference * EXP(-lv);
      vec square = scaled * difference;
      sum += FIRST(log_two_pi + lv + square, k);
      if (dmean) STORE(dmean + at, scaled, k);
      if (dlogvar) STORE(dlogvar + at, 0.5f - 0.5f * square, k);
    }
    row_loss[row] = 0.5f * vec_sum(&sum);
  }
}

CK_HOT void ck_squared_error(
  const float *y, const float *x, float *row_loss, float *grad, long rows, long cols) {
  for (long row = 0; row < rows; row++) {
    vec sum = 0.0f;
    CK_VECTORS(j, k, cols) {
      long at = row * cols + j;
      vec difference = LOAD(y + at, k) - LOAD(x + at, k);
      sum += difference * difference;
      if (grad) STORE(grad + at, 2.0f * difference, k);
    }
    row_loss[row] = vec_sum(&sum);
  }
}

CK_HOT void ck_log_squares(
  const float *r, float *row_loss, float *grad, long rows, long cols, float eps) {
  for (long row = 0; row < rows; row++) {
    vec sum = 0.0f;
    CK_VECTORS(j, k, cols) {
      long at = row * cols + j;
      vec residual = LOAD(r + at, k);
      vec square = residual * residual + eps;
      sum += FIRST(LOG(square), k);
      if (grad) STORE(grad + at, residual / square, k);
    }
    row_loss[row] = 0.5f * vec_sum(&sum);
  }
}

CK_HOT void ck_scaled_squares(
  const float *r, const float *logvar, float *row_loss, float *dr, float *dlogvar, long rows,
  long cols) {
  for (long row = 0; row < rows; row++) {
    vec sum = 0.0f;
    CK_VECTORS(j, k, cols) {
      long at = row * cols + j;
      vec residual = LOAD(r + at, k);
      vec lv = 0.0f, scaled = residual;
      if (logvar) {
        lv = LOAD(logvar + at, k);
        scaled = residual * EXP(-lv);
      }
      vec square = scaled * residual;
      sum += square + lv;  // both terms are 0 on padding
      if (dr) STORE(dr + at, scaled, k);
      if (dlogvar) STORE(dlogvar + at, 0.5f - 0.5f * square, k);
    }
    row_loss[row] = 0.5f * vec_sum(&sum);
  }
}

CK_HOT void ck_recycle(float *y, const float *m, const float *r, const float *e, long n) {
  CK_VECTORS(i, k, n) {
    vec residual = LOAD(r + i, k);
    STORE(y + i, LOAD(m + i, k) + ABS(residual) * LOAD(e + i, k), k);
  }
}

CK_HOT void ck_recycle_backward(
  const float *dy, const float *r, const float *e, float *dr, long n, int accumulate) {
  CK_VECTORS(i, k, n) {
    vec residual = LOAD(r + i, k);
    vec g = LOAD(dy + i, k) * LOAD(e + i, k);
    g = residual < 0.0f ? -g : g;
    g = residual == 0.0f ? (vec)0.0f : g;
    STORE(dr + i, accumulate ? LOAD(dr + i, k) + g : g, k);
  }
}

CK_HOT void ck_kl_standard_normal(
  const float *mu, const float *logvar, float *row_kl, float *dmu, float *dlogvar, long rows,
  long cols) {
  for (long row = 0; row < rows; row++) {
    vec sum = 0.0f;
    CK_VECTORS(j, k, cols) {
      long at = row * cols + j;
      vec m = LOAD(mu + at, k), lv = LOAD(logvar + at, k);
      vec excess = EXPM1(lv);  // sigma^2 - 1, which is 0 on padding
      sum += m * m + (excess - lv);
      if (dmu) STORE(dmu + at, m, k);
      if (dlogvar) STORE(dlogvar + at, 0.5f * excess, k);
    }
    row_kl[row] = 0.5f * vec_sum(&sum);
  }
}

CK_HOT void ck_reparameterize(
  float *z, const float *mu, const float *logvar, const float *eps, long n, float k) {
  CK_VECTORS(i, count, n) {
    vec scale = EXP(k * LOAD(logvar + i, count));
    STORE(z + i, LOAD(mu + i, count) + scale * LOAD(eps + i, count), count);
  }
}

CK_HOT void ck_reparameterize_backward(
  const float *dz, const float *logvar, const float *eps, float *dmu, float *dlogvar, long n,
  float k, int accumulate) {
  CK_VECTORS(i, count, n) {
    vec d = LOAD(dz + i, count);
    if (dlogvar) {
      vec g = d * LOAD(eps + i, count) * (k * EXP(k * LOAD(logvar + i, count)));
      STORE(dlogvar + i, accumulate ? LOAD(dlogvar + i, count) + g : g, count);
    }
    if (dmu) STORE(dmu + i, accumulate ? LOAD(dmu + i, count) + d : d, count);
  }
}

/// Rows of one logit, as a discriminator gives them, are treated as one array.
CK_INLINE void softplus_column(
  const float *s, float *row_loss, float *grad, long rows, float sign) {
  CK_VECTORS(i, k, rows) {
    vec a = sign * LOAD(s + i, k);
    vec softplus, sigmoid;
    softplus_and_sigmoid(&a, &softplus, &sigmoid);
    STORE(row_loss + i, softplus, k);
    if (grad) STORE(grad + i, sign * sigmoid, k);
  }
}

CK_HOT void ck_softplus_rows(
  const float *s, float *row_loss, float *grad, long rows, long cols, float sign) {
  if (cols == 1) {
    softplus_column(s, row_loss, grad, rows, sign);
    return;
  }
  for (long row = 0; row < rows; row++) {
    vec sum = 0.0f;
    CK_VECTORS(j, k, cols) {
      long at = row * cols + j;
      vec a = sign * LOAD(s + at, k);
      vec softplus, sigmoid;
      softplus_and_sigmoid(&a, &softplus, &sigmoid);
      sum += FIRST(softplus, k);
      if (grad) STORE(grad + at, sign * sigmoid, k);
    }
    row_loss[row] = vec_sum(&sum);
  }
}

CK_HOT void ck_log_mean_exp(const float *w, float *out, float *weights, long rows, long cols) {
  for (long row = 0; row < rows; row++) {
    const float *from = w + row * cols;
    float largest = from[0];
    for (long j = 1; j < cols; j++) largest = from[j] > largest ? from[j] : largest;
    vec sum = 0.0f;
    CK_VECTORS(j, k, cols) {
      vec e = EXP_NEGATIVE(LOAD(from + j, k) - largest);
      sum += FIRST(e, k);
      if (weights) STORE(weights + row * cols + j, e, k);
    }
    float total = vec_sum(&sum);
    if (out) out[row] = largest + logf(total / (float)cols);
    if (weights) ck_scale(weights + row * cols, 1.0f / total, cols);
  }
}

CK_HOT void ck_softmax_cross_entropy(
  const float *s, const int *labels, float *row_loss, float *grad, long rows, long cols) {
  for (long row = 0; row < rows; row++) {
    const float *from = s + row * cols;
    float *to = grad ? grad + row * cols : NULL;
    float largest = from[0];
    for (long j = 1; j < cols; j++) largest = from[j] > largest ? from[j] : largest;
    vec sum = 0.0f;
    CK_VECTORS(j, k, cols) {
      vec e = EXP_NEGATIVE(LOAD(from + j, k) - largest);
      sum += FIRST(e, k);
      if (to) STORE(to + j, e, k);
    }
    float total = vec_sum(&sum);
    row_loss[row] = logf(total) + (largest - from[labels[row]]);
    if (!to) continue;
    ck_scale(to, 1.0f / total, cols);
    to[labels[row]] -= 1.0f;
  }
}
