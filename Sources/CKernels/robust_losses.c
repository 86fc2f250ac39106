// Losses that a few far values move little, summed over each row, with their gradients.
//
// d = y - x is the distance of a decoder's mean y from the target x. What constants a likelihood
// has is computed by the caller, once, and added here for each element.
#include "vectors.h"

CK_HOT void ck_student_nll(
  const float *y, const float *x, float *row_loss, float *grad, long rows, long cols, float width,
  float power, float constant) {
  const float inverse = 1.0f / width;
  for (long row = 0; row < rows; row++) {
    vec sum = 0.0f;
    CK_VECTORS(j, k, cols) {
      long at = row * cols + j;
      vec d = LOAD(y + at, k) - LOAD(x + at, k);
      vec ratio = d * d * inverse + 1.0f;
      sum += LOG(ratio);  // 0 on padding
      if (grad) STORE(grad + at, 2.0f * power * inverse * d / ratio, k);
    }
    row_loss[row] = power * vec_sum(&sum) + constant * (float)cols;
  }
}

CK_HOT void ck_laplace_nll(
  const float *y, const float *x, float *row_loss, float *grad, long rows, long cols, float scale,
  float constant) {
  const float inverse = 1.0f / scale;
  for (long row = 0; row < rows; row++) {
    vec sum = 0.0f;
    CK_VECTORS(j, k, cols) {
      long at = row * cols + j;
      vec d = LOAD(y + at, k) - LOAD(x + at, k);
      sum += ABS(d);
      if (grad) {
        vec g = d < 0.0f ? (vec)-inverse : (vec)inverse;
        STORE(grad + at, d == 0.0f ? (vec)0.0f : g, k);
      }
    }
    row_loss[row] = inverse * vec_sum(&sum) + constant * (float)cols;
  }
}

CK_HOT void ck_beta_gaussian(
  const float *y, const float *x, float *row_loss, float *grad, long rows, long cols, float slope,
  float factor, float constant) {
  for (long row = 0; row < rows; row++) {
    vec sum = 0.0f;
    CK_VECTORS(j, k, cols) {
      long at = row * cols + j;
      vec d = LOAD(y + at, k) - LOAD(x + at, k);
      vec drop = EXPM1(-slope * d * d);  // 0 on padding
      sum += drop;
      if (grad) STORE(grad + at, 2.0f * factor * slope * d * (drop + 1.0f), k);
    }
    row_loss[row] = constant * (float)cols - factor * vec_sum(&sum);
  }
}

/// A probability p with its complement q = 1 - p and their powers.
typedef struct {
  vec p, q;
  vec p_power, q_power;  // p^beta, q^beta, never 0
  vec p_less, q_less;    // the same less 1, without cancellation
} bernoulli;

/// exp(x) and exp(x) - 1 of x <= 0.
CK_INLINE void exp_and_expm1(const vec *x, vec *whole, vec *less) {
  vec c = clamp_below_(*x, CK_EXP_MIN);
  ivec bits;
  vec p;
  vec_exp_parts(&c, &bits, &p);
  vec power = (vec)((bits << 23) + 0x3f800000);
  *whole = power * p + power;
  *less = power * p + (power - 1.0f);
}

/// log(1 + u) of u in (-1, 0], where `whole` is 1 + u; without cancellation near 0.
CK_INLINE void log_of_share(const vec *u, const vec *whole, vec *log) {
  vec v = -*u / *whole;
  *log = v <= 1.0f ? -LOG1P_UNIT(v) : LOG(*whole);
}

/// The probabilities of a logit.
CK_INLINE void bernoulli_powers(const vec *a, float beta, bernoulli *b) {
  vec size = NEGATIVE_ABS(*a);
  vec e = EXP_NEGATIVE(size);
  vec larger = 1.0f / (1.0f + e), smaller = e * larger;
  vec of_larger = -beta * LOG1P_UNIT(e), of_smaller = of_larger + beta * size;
  vec large, large_less, small, small_less;
  exp_and_expm1(&of_larger, &large, &large_less);
  exp_and_expm1(&of_smaller, &small, &small_less);
  ivec is_negative = *a < 0.0f;
  b->p = is_negative ? smaller : larger;
  b->q = is_negative ? larger : smaller;
  b->p_power = is_negative ? small : large;
  b->q_power = is_negative ? large : small;
  b->p_less = is_negative ? small_less : large_less;
  b->q_less = is_negative ? large_less : small_less;
}

CK_HOT void ck_beta_bernoulli(
  const float *logits, const float *x, float *row_loss, float *grad, long rows, long cols,
  float beta) {
  const float factor = (1.0f + beta) / beta;
  for (long row = 0; row < rows; row++) {
    vec sum = 0.0f;
    CK_VECTORS(j, k, cols) {
      long at = row * cols + j;
      vec a = LOAD(logits + at, k), target = LOAD(x + at, k);
      bernoulli b;
      bernoulli_powers(&a, beta, &b);
      vec at_x = target * b.p_less + (1.0f - target) * b.q_less;
      sum += FIRST(b.p * b.p_less + b.q * b.q_less - factor * at_x, k);
      if (grad) {
        // p - x, which is 1 - x - q: by the smaller of p and q it does not cancel.
        vec away = a < 0.0f ? b.p - target : 1.0f - target - b.q;
        STORE(grad + at, (1.0f + beta) * away * (b.q * b.p_power + b.p * b.q_power), k);
      }
    }
    row_loss[row] = vec_sum(&sum);
  }
}

CK_HOT void ck_beta_bernoulli_image(
  const float *logits, const float *x, float *row_loss, float *grad, long rows, long cols,
  float beta) {
  const float factor = (1.0f + beta) / beta;
  for (long row = 0; row < rows; row++) {
    vec logs_at_x = 0.0f, logs_over_all = 0.0f;
    CK_VECTORS(j, k, cols) {
      long at = row * cols + j;
      vec a = LOAD(logits + at, k), target = LOAD(x + at, k);
      bernoulli b;
      bernoulli_powers(&a, beta, &b);
      vec less = target * b.p_less + (1.0f - target) * b.q_less;
      vec whole = target * b.p_power + (1.0f - target) * b.q_power, log;
      log_of_share(&less, &whole, &log);
      logs_at_x += FIRST(log, k);
      less = b.p * b.p_less + b.q * b.q_less;
      whole = b.p * b.p_power + b.q * b.q_power;
      log_of_share(&less, &whole, &log);
      logs_over_all += FIRST(log, k);
    }
    // Products over the row: of the density's power at x, and of its sum over all x.
    float log_at_x = vec_sum(&logs_at_x), log_over_all = vec_sum(&logs_over_all);
    row_loss[row] = expm1f(log_over_all) - factor * expm1f(log_at_x);
    if (!grad) continue;
    float at_x = (1.0f + beta) * expf(log_at_x), over_all = (1.0f + beta) * expf(log_over_all);
    CK_VECTORS(j, k, cols) {
      long at = row * cols + j;
      vec a = LOAD(logits + at, k), target = LOAD(x + at, k);
      bernoulli b;
      bernoulli_powers(&a, beta, &b);
      vec one = target * b.p_power, zero = (1.0f - target) * b.q_power;
      vec pull = (zero * b.p - one * b.q) / (one + zero);
      vec total = b.p * b.p_power + b.q * b.q_power;
      vec spread = b.p * b.q * (b.p_power - b.q_power) / total;
      STORE(grad + at, at_x * pull + over_all * spread, k);
    }
  }
}
