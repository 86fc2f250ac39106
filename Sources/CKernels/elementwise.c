// Arithmetic on arrays. Where an element takes one rounding, the compiler vectorises the loop:
// every way of computing it gives equal bits. Other loops go by vectors of 16 (vectors.h).
#include "vectors.h"

CK_HOT void ck_add(float *y, const float *a, const float *b, long n) {
  for (long i = 0; i < n; i++) y[i] = a[i] + b[i];
}

CK_HOT void ck_subtract(float *y, const float *a, const float *b, long n) {
  for (long i = 0; i < n; i++) y[i] = a[i] - b[i];
}

CK_HOT void ck_multiply(float *y, const float *a, const float *b, long n) {
  for (long i = 0; i < n; i++) y[i] = a[i] * b[i];
}

CK_HOT void ck_fma(float *y, const float *a, const float *b, long n) {
  CK_VECTORS(i, k, n) STORE(y + i, LOAD(y + i, k) + LOAD(a + i, k) * LOAD(b + i, k), k);
}

CK_HOT void ck_axpy(float *y, const float *x, float a, long n) {
  CK_VECTORS(i, k, n) STORE(y + i, LOAD(y + i, k) + a * LOAD(x + i, k), k);
}

CK_HOT void ck_scale(float *y, float a, long n) {
  for (long i = 0; i < n; i++) y[i] *= a;
}

void ck_copy(float *y, const float *x, long n) {
  if (n > 0) memmove(y, x, (size_t)n * sizeof(float));
}

CK_HOT void ck_clamp(float *y, const float *x, long n, float low, float high) {
  CK_VECTORS(i, k, n) {
    vec v = LOAD(x + i, k);
    v = clamp_below_(v, low);
    STORE(y + i, clamp_above_(v, high), k);
  }
}

CK_HOT void ck_clamp_backward(
  float *dx, const float *dy, const float *x, long n, float low, float high, int accumulate) {
  CK_VECTORS(i, k, n) {
    vec v = LOAD(x + i, k), g = LOAD(dy + i, k);
    g = v < low ? (vec)0.0f : g;
    g = v > high ? (vec)0.0f : g;
    STORE(dx + i, accumulate ? LOAD(dx + i, k) + g : g, k);
  }
}

CK_HOT void ck_fill(float *y, float value, long n) {
  for (long i = 0; i < n; i++) y[i] = value;
}

CK_HOT void ck_scale_rows(
  float *y, const float *x, const float *row_scale, long rows, long cols, int accumulate) {
  for (long row = 0; row < rows; row++, y += cols, x += cols) {
    float scale = row_scale[row];
    if (accumulate) {
      CK_VECTORS(j, k, cols) STORE(y + j, LOAD(y + j, k) + scale * LOAD(x + j, k), k);
    } else {
      for (long j = 0; j < cols; j++) y[j] = scale * x[j];
    }
  }
}

/// The remainder x - 255 q = (x - 256 q) + q corrects the product with the reciprocal. Both
/// differences are exact.
CK_HOT void ck_bytes_to_floats(const uint8_t *x, float *y, long n) {
#pragma clang loop vectorize(enable) interleave(enable)
  for (long i = 0; i < n; i++) {
    float value = (float)x[i];
    float q = value * (1.0f / 255.0f);
    float remainder = (value - 256.0f * q) + q;
    y[i] = q + remainder * (1.0f / 255.0f);
  }
}

CK_HOT void ck_sum_arrays(float *out, const float *const *in, int count, long n) {
  if (count <= 0) {
    ck_fill(out, 0, n);
    return;
  }
  CK_VECTORS(i, k, n) {
    vec sum = LOAD(in[0] + i, k);
    for (int b = 1; b < count; b++) sum += LOAD(in[b] + i, k);
    STORE(out + i, sum, k);
  }
}
