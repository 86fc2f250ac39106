// Activations: with a bias after a product, without a bias, and backward from the output with the
// gradient of the bias.
#include "vectors.h"

CK_INLINE void activate(vec *v, int act) {
  switch (act) {
  case CK_SIGMOID: *v = SIGMOID(*v); break;
  case CK_RELU: *v = *v < 0.0f ? (vec)0.0f : *v; break;
  case CK_TANH: *v = TANH(*v); break;
  case CK_SOFTPLUS: *v = SOFTPLUS(*v); break;
  case CK_LEAKY_RELU: *v = *v < 0.0f ? *v * CK_LEAKY_SLOPE : *v; break;
  default: break;
  }
}

/// Multiplies dy by the derivative at the activation's output y.
CK_INLINE void differentiate(vec *dy, const vec *y, int act) {
  switch (act) {
  case CK_SIGMOID: *dy *= *y * (1.0f - *y); break;
  case CK_RELU: *dy = *y > 0.0f ? *dy : (vec)0.0f; break;
  case CK_TANH: *dy *= (1.0f - *y) * (1.0f + *y); break;
  case CK_SOFTPLUS: *dy *= -EXPM1(-*y); break;  // sigmoid(x) = 1 - exp(-softplus(x))
  case CK_LEAKY_RELU: *dy = *y > 0.0f ? *dy : *dy * CK_LEAKY_SLOPE; break;
  default: break;
  }
}

// `act` is a constant at each inlined call, so each activation gets its own loop.

CK_INLINE void activate_loop(float *y, const float *x, long n, int act) {
  CK_VECTORS(i, k, n) {
    vec v = LOAD(x + i, k);
    activate(&v, act);
    STORE(y + i, v, k);
  }
}

CK_INLINE void bias_act_loop(float *y, const float *bias, long rows, long cols, int act) {
  for (long row = 0; row < rows; row++, y += cols) {
    CK_VECTORS(j, k, cols) {
      vec v = LOAD(y + j, k) + LOAD(bias + j, k);
      activate(&v, act);
      STORE(y + j, v, k);
    }
  }
}

/// Rows are taken by fours to spare traffic of dbias; the order of the sums depends only on `rows`.
CK_INLINE void backward_loop(
  float *dy, const float *y, float *dbias, long rows, long cols, int act) {
  long row = 0;
  for (; row + 4 <= rows; row += 4, dy += 4 * cols, y += 4 * cols) {
    CK_VECTORS(j, k, cols) {
      vec d[4];
      for (int q = 0; q < 4; q++) {
        vec out = LOAD(y + q * cols + j, k);
        d[q] = LOAD(dy + q * cols + j, k);
        differentiate(&d[q], &out, act);
        if (act != CK_IDENTITY) STORE(dy + q * cols + j, d[q], k);
      }
      STORE(dbias + j, LOAD(dbias + j, k) + ((d[0] + d[1]) + (d[2] + d[3])), k);
    }
  }
  for (; row < rows; row++, dy += cols, y += cols) {
    CK_VECTORS(j, k, cols) {
      vec out = LOAD(y + j, k), d = LOAD(dy + j, k);
      differentiate(&d, &out, act);
      if (act != CK_IDENTITY) STORE(dy + j, d, k);
      STORE(dbias + j, LOAD(dbias + j, k) + d, k);
    }
  }
}

CK_INLINE void backward_only_loop(float *dy, const float *y, long n, int act) {
  CK_VECTORS(i, k, n) {
    vec out = LOAD(y + i, k), d = LOAD(dy + i, k);
    differentiate(&d, &out, act);
    STORE(dy + i, d, k);
  }
}

CK_HOT void ck_activate(float *y, const float *x, long n, int act) {
  switch (act) {
  case CK_SIGMOID: activate_loop(y, x, n, CK_SIGMOID); break;
  case CK_RELU: activate_loop(y, x, n, CK_RELU); break;
  case CK_TANH: activate_loop(y, x, n, CK_TANH); break;
  case CK_SOFTPLUS: activate_loop(y, x, n, CK_SOFTPLUS); break;
  case CK_LEAKY_RELU: activate_loop(y, x, n, CK_LEAKY_RELU); break;
  default:
    if (y != x) ck_copy(y, x, n);
  }
}

CK_HOT void ck_bias_act(float *y, const float *bias, long rows, long cols, int act) {
  if (bias == NULL) {
    ck_activate(y, y, rows * cols, act);
    return;
  }
  switch (act) {
  case CK_SIGMOID: bias_act_loop(y, bias, rows, cols, CK_SIGMOID); break;
  case CK_RELU: bias_act_loop(y, bias, rows, cols, CK_RELU); break;
  case CK_TANH: bias_act_loop(y, bias, rows, cols, CK_TANH); break;
  case CK_SOFTPLUS: bias_act_loop(y, bias, rows, cols, CK_SOFTPLUS); break;
  case CK_LEAKY_RELU: bias_act_loop(y, bias, rows, cols, CK_LEAKY_RELU); break;
  default: bias_act_loop(y, bias, rows, cols, CK_IDENTITY);
  }
}

CK_HOT void ck_act_backward(
  float *dy, const float *y, float *dbias, long rows, long cols, int act, int accumulate) {
  if (dbias == NULL) {
    switch (act) {
    case CK_SIGMOID: backward_only_loop(dy, y, rows * cols, CK_SIGMOID); break;
    case CK_RELU: backward_only_loop(dy, y, rows * cols, CK_RELU); break;
    case CK_TANH: backward_only_loop(dy, y, rows * cols, CK_TANH); break;
    case CK_SOFTPLUS: backward_only_loop(dy, y, rows * cols, CK_SOFTPLUS); break;
    case CK_LEAKY_RELU: backward_only_loop(dy, y, rows * cols, CK_LEAKY_RELU); break;
    default: break;
    }
    return;
  }
  if (!accumulate) ck_fill(dbias, 0, cols);
  switch (act) {
  case CK_SIGMOID: backward_loop(dy, y, dbias, rows, cols, CK_SIGMOID); break;
  case CK_RELU: backward_loop(dy, y, dbias, rows, cols, CK_RELU); break;
  case CK_TANH: backward_loop(dy, y, dbias, rows, cols, CK_TANH); break;
  case CK_SOFTPLUS: backward_loop(dy, y, dbias, rows, cols, CK_SOFTPLUS); break;
  case CK_LEAKY_RELU: backward_loop(dy, y, dbias, rows, cols, CK_LEAKY_RELU); break;
  default: backward_loop(dy, y, dbias, rows, cols, CK_IDENTITY);
  }
}
