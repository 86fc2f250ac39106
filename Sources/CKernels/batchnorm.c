// Batch normalisation over the rows of [rows, channels]: moments, normalise + rectifier, backward.
//
// Sums run over 64 rows in float, then over these sums in double. Only `rows` determines the order.
#include "vectors.h"

enum { BLOCK = 64 };

/// work: [2 * channels] doubles of totals, then [2 * channels] floats of sums over 64 rows.
CK_INLINE void add_block(double *total, float *block, long n) {
  for (long i = 0; i < n; i++) {
    total[i] += (double)block[i];
    block[i] = 0;
  }
}

CK_HOT void ck_channel_moments(
  const float *x, float *mean, float *variance, double *work, long rows, long channels) {
  double *total = work;
  float *sum = (float *)(work + 2 * channels), *squares = sum + channels;
  memset(work, 0, (size_t)channels * (2 * sizeof(double) + 2 * sizeof(float)));
  const float *first = x;  // deviations from the first row keep more digits
  for (long row = 0; row < rows; row++, x += channels) {
    CK_VECTORS(j, k, channels) {
      vec d = LOAD(x + j, k) - LOAD(first + j, k);
      STORE(sum + j, LOAD(sum + j, k) + d, k);
      STORE(squares + j, LOAD(squares + j, k) + d * d, k);
    }
    if (row % BLOCK == BLOCK - 1 || row == rows - 1) add_block(total, sum, 2 * channels);
  }
  for (long c = 0; c < channels; c++) {
    double shift = total[c] / (double)rows;
    double v = total[channels + c] / (double)rows - shift * shift;
    mean[c] = (float)((double)first[c] + shift);
    variance[c] = (float)(v > 0 ? v : 0);
  }
}

CK_HOT void ck_channel_normalize(
  float *y, const float *x, const float *scale, const float *shift, long rows, long channels,
  float slope) {
  for (long row = 0; row < rows; row++, x += channels, y += channels) {
    CK_VECTORS(j, k, channels) {
      vec v = LOAD(x + j, k) * LOAD(scale + j, k) + LOAD(shift + j, k);
      STORE(y + j, v > 0.0f ? v : v * slope, k);
    }
  }
}

CK_HOT void ck_channel_backward_sums(
  float *dy, const float *y, const float *x, const float *mean, const float *inverse,
  float *dshift, float *dscale, double *work, long rows, long channels, float slope) {
  double *total = work;
  float *shift = (float *)(work + 2 * channels), *scale = shift + channels;
  memset(work, 0, (size_t)channels * (2 * sizeof(double) + 2 * sizeof(float)));
  for (long row = 0; row < rows; row++, dy += channels, y += channels, x += channels) {
    CK_VECTORS(j, k, channels) {
      vec g = LOAD(dy + j, k), out = LOAD(y + j, k);
      g = out > 0.0f ? g : g * slope;
      STORE(dy + j, g, k);
      STORE(shift + j, LOAD(shift + j, k) + g, k);
      STORE(scale + j, LOAD(scale + j, k) + g * (LOAD(x + j, k) - LOAD(mean + j, k)), k);
    }
    if (row % BLOCK == BLOCK - 1 || row == rows - 1) add_block(total, shift, 2 * channels);
  }
  for (long c = 0; c < channels; c++) {
    dshift[c] = (float)total[c];
    dscale[c] = (float)(total[channels + c] * (double)inverse[c]);
  }
}

CK_HOT void ck_channel_backward(
  float *dx, const float *dy, const float *x, const float *a, const float *b, const float *c,
  const float *mean, long rows, long channels, int accumulate) {
  for (long row = 0; row < rows; row++, dx += channels, dy += channels, x += channels) {
    CK_VECTORS(j, k, channels) {
      vec v = LOAD(a + j, k) * LOAD(dy + j, k)
        + LOAD(b + j, k) * (LOAD(x + j, k) - LOAD(mean + j, k)) + LOAD(c + j, k);
      if (accumulate) v = v + LOAD(dx + j, k);
      STORE(dx + j, v, k);
    }
  }
}
