// The compact storage of the row state: half-precision numbers and 8-bit steps.
//
// Conversions are integer arithmetic on the bits, in one loop that the compiler vectorises for
// every processor. So the result does not depend on F16C. Nor does the speed. The row state is
// larger than any cache, so both ways wait for memory (0.37 ns an element, F16C 0.35).
#include "vectors.h"

CK_INLINE uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

CK_INLINE float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/// The nearest half; ties go to even.
CK_INLINE uint16_t half_of(float x) {
  uint32_t bits = bits_of(x), magnitude = bits & 0x7fffffff;
  // The last place of 0.5 is 2^-24, so a subnormal's multiple of 2^-24 appears in the low bits.
  uint32_t subnormal = bits_of(float_of(magnitude) + 0.5f) - 0x3f000000;
  // The exponent's bias changes from 127 to 15. The cut bits round, and may carry up to infinity.
  uint32_t normal = (magnitude + 0xc8000fff + (magnitude >> 13 & 1)) >> 13;
  uint32_t large = magnitude > 0x7f800000 ? 0x7e00 : 0x7c00;
  uint32_t half = magnitude < 0x38800000 ? subnormal : normal;
  half = magnitude >= 0x47800000 ? large : half;
  return (uint16_t)(half | (bits >> 16 & 0x8000));
}

CK_INLINE float float_of_half(uint16_t half) {
  uint32_t magnitude = (uint32_t)(half & 0x7fff) << 13;
  uint32_t normal = magnitude + 0x38000000 + (magnitude >= 0x0f800000 ? 0x38000000 : 0);
  // (2^-14 + a subnormal) - 2^-14 is exact.
  uint32_t subnormal = bits_of(float_of(magnitude + 0x38800000) - float_of(0x38800000));
  uint32_t bits = magnitude < 0x00800000 ? subnormal : normal;
  return float_of(bits | (uint32_t)(half & 0x8000) << 16);
}

CK_HOT void ck_floats_to_halves(const float *x, uint16_t *y, long n) {
  for (long i = 0; i < n; i++) y[i] = half_of(x[i]);
}

CK_HOT int ck_all_halves_finite(const uint16_t *x, long n) {
  uint16_t seen = 0;
  for (long i = 0; i < n; i++) seen |= (uint16_t)((x[i] & 0x7c00) + 0x0400);
  return (seen & 0x8000) == 0;
}

CK_HOT void ck_halves_to_floats(const uint16_t *x, float *y, long n) {
  for (long i = 0; i < n; i++) y[i] = float_of_half(x[i]);
}

CK_HOT void ck_subtract_halves(float *y, const uint16_t *x, long n) {
  for (long i = 0; i < n; i++) y[i] -= float_of_half(x[i]);
}

CK_HOT void ck_floats_to_steps(const float *x, int8_t *y, long n, float step) {
  float inverse = step > 0x1p-120f ? 1.0f / step : 0.0f;
  for (long i = 0; i < n; i++) {
    float steps = x[i] * inverse;
    steps = steps < -127.0f ? -127.0f : steps;
    steps = steps > 127.0f ? 127.0f : steps;
    // Adding 1.5 * 2^23 puts the nearest integer in the low bits.
    y[i] = (int8_t)bits_of(steps + 12582912.0f);
  }
}

CK_HOT void ck_steps_to_floats(const int8_t *x, float *y, long n, float step) {
  for (long i = 0; i < n; i++) y[i] = step * (float)x[i];
}
