// Sums in double precision. Each sum follows one fixed pattern of 16 partial sums.
#include "vectors.h"

#define WIDE(v) __builtin_convertvector((v), dvec)

CK_HOT double ck_sum(const float *x, long n) {
  dvec sum = 0.0;
  CK_VECTORS(i, k, n) sum += WIDE(LOAD(x + i, k));
  return dvec_sum(&sum);
}

CK_HOT double ck_sum_squares(const float *x, long n) {
  dvec sum = 0.0;
  CK_VECTORS(i, k, n) {
    dvec v = WIDE(LOAD(x + i, k));
    sum += v * v;
  }
  return dvec_sum(&sum);
}

CK_HOT double ck_sum_abs(const float *x, long n) {
  dvec sum = 0.0;
  CK_VECTORS(i, k, n) sum += WIDE(ABS(LOAD(x + i, k)));
  return dvec_sum(&sum);
}

/// An exponent of all ones, plus one, overflows into the sign bit. The sum of the vectors keeps
/// this bit.
CK_HOT int ck_all_finite(const float *x, long n) {
  uvec seen = 0;
  CK_VECTORS(i, k, n) seen |= ((uvec)LOAD(x + i, k) & 0x7f800000u) + 0x00800000u;
  uint32_t any = 0;
  for (int lane = 0; lane < CK_WIDTH; lane++) any |= seen[lane];
  return (any & 0x80000000u) == 0;
}

CK_HOT void ck_column_sums(const float *x, double *out, long rows, long cols, int accumulate) {
  if (!accumulate)
    for (long j = 0; j < cols; j++) out[j] = 0;
  for (long row = 0; row < rows; row++, x += cols)
    for (long j = 0; j < cols; j++) out[j] += (double)x[j];
}

CK_HOT void ck_column_abs_sums(const float *x, double *out, long rows, long cols, int accumulate) {
  if (!accumulate)
    for (long j = 0; j < cols; j++) out[j] = 0;
  for (long row = 0; row < rows; row++, x += cols)
    for (long j = 0; j < cols; j++) out[j] += (double)fabsf(x[j]);
}

CK_HOT void ck_row_sums(const float *x, float *out, long rows, long cols) {
  for (long row = 0; row < rows; row++, x += cols) {
    vec sum = 0.0f;
    CK_VECTORS(j, k, cols) sum += LOAD(x + j, k);
    out[row] = vec_sum(&sum);
  }
}

CK_HOT float ck_max_abs(const float *x, long n) {
  vec largest = 0.0f;
  CK_VECTORS(i, k, n) {
    vec v = ABS(LOAD(x + i, k));
    largest = v > largest ? v : largest;
  }
  float result = 0;
  for (int lane = 0; lane < CK_WIDTH; lane++) result = fmaxf(result, largest[lane]);
  return result;
}

/// Whole numbers have the same sum in any order.
CK_HOT int64_t ck_sum_squares_in_units(const float *x, double per_unit, long n) {
  typedef int64_t lvec __attribute__((ext_vector_type(16)));
  lvec sum = 0;
  CK_VECTORS(i, k, n) {
    dvec v = WIDE(LOAD(x + i, k));
    sum += __builtin_convertvector(v * v * per_unit, lvec);
  }
  int64_t total = 0;
  for (int lane = 0; lane < CK_WIDTH; lane++) total += sum[lane];
  return total;
}
