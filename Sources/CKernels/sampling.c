// Samples of a Gaussian for each row, several samples one below another, and their weights.
#include "vectors.h"

CK_HOT void ck_sample_rows(
  float *z, const float *mean, const float *log_sigma, const float *eps, long rows, long cols,
  long repeats) {
  for (long row = 0; row < rows; row++, mean += cols, log_sigma += cols) {
    CK_VECTORS(j, k, cols) {
      vec m = LOAD(mean + j, k), sigma = EXP(LOAD(log_sigma + j, k));
      for (long q = 0; q < repeats; q++)
        STORE(z + q * cols + j, m + sigma * LOAD(eps + q * cols + j, k), k);
    }
    z += repeats * cols;
    eps += repeats * cols;
  }
}

CK_HOT void ck_sample_rows_backward(
  const float *dz, const float *log_sigma, const float *eps, float *dmean, float *dlog_sigma,
  long rows, long cols, long repeats, int accumulate_mean, int accumulate_log) {
  for (long row = 0; row < rows; row++) {
    long at = row * cols;
    CK_VECTORS(j, k, cols) {
      vec sum = 0.0f, slope = 0.0f;
      for (long q = 0; q < repeats; q++) {
        long sample = (row * repeats + q) * cols + j;
        vec d = LOAD(dz + sample, k);
        sum += d;
        slope += d * LOAD(eps + sample, k);
      }
      slope *= EXP(LOAD(log_sigma + at + j, k));
      if (dmean) STORE(dmean + at + j, accumulate_mean ? LOAD(dmean + at + j, k) + sum : sum, k);
      if (dlog_sigma)
        STORE(
          dlog_sigma + at + j, accumulate_log ? LOAD(dlog_sigma + at + j, k) + slope : slope, k);
    }
  }
}

CK_HOT void ck_prior_ratio(
  const float *z, const float *log_sigma, const float *eps, float *out, long rows, long cols,
  long repeats) {
  for (long row = 0; row < rows * repeats; row++) {
    vec sum = 0.0f;
    CK_VECTORS(j, k, cols) {
      vec sample = LOAD(z + row * cols + j, k), e = LOAD(eps + row * cols + j, k);
      sum += LOAD(log_sigma + row / repeats * cols + j, k) + 0.5f * (e * e - sample * sample);
    }
    out[row] = vec_sum(&sum);
  }
}

CK_HOT void ck_prior_ratio_backward(
  const float *z, const float *gradient, float *dz, float *dlog_sigma, long rows, long cols,
  long repeats, int accumulate_z, int accumulate_log) {
  for (long row = 0; row < rows; row++) {
    float sum = 0;
    for (long q = row * repeats; q < (row + 1) * repeats; q++) {
      float g = gradient[q];
      sum += g;
      if (!dz) continue;
      CK_VECTORS(j, k, cols) {
        long at = q * cols + j;
        vec d = -g * LOAD(z + at, k);
        STORE(dz + at, accumulate_z ? LOAD(dz + at, k) + d : d, k);
      }
    }
    if (!dlog_sigma) continue;
    CK_VECTORS(j, k, cols) {
      long at = row * cols + j;
      vec d = sum;
      STORE(dlog_sigma + at, accumulate_log ? LOAD(dlog_sigma + at, k) + d : d, k);
    }
  }
}

CK_HOT void ck_gaussian_decoder_nll(
  const float *x, const float *mean, const float *scale, float *row_loss, float *dmean,
  float *dscale, long rows, long cols, float least) {
  const float log_two_pi = 1.83787707f;
  for (long row = 0; row < rows; row++) {
    vec sum = 0.0f;
    CK_VECTORS(j, k, cols) {
      long at = row * cols + j;
      vec raw = LOAD(scale + at, k);
      vec m = SIGMOID(LOAD(mean + at, k)), s = SOFTPLUS(raw) + least;
      vec residual = (m - LOAD(x + at, k)) / s;
      vec square = residual * residual;
      sum += FIRST(log_two_pi + 2.0f * LOG(s) + square, k);
      if (dmean) STORE(dmean + at, residual / s * (m * (1.0f - m)), k);
      if (dscale) STORE(dscale + at, (1.0f - square) / s * SIGMOID(raw), k);
    }
    row_loss[row] = 0.5f * vec_sum(&sum);
  }
}
