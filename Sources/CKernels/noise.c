// Likelihoods of noisy pixels given the logits of clean ones, with their gradients, and what the
// two together say of the clean pixel.
//
// A clean pixel y is a logistic variable of location 1/2 + a / (2 h) and scale 1 / (2 h), cut off
// at 0 and 1, where it has the chances sigmoid(-a - h) and sigmoid(a - h). As h goes to 0 it is 0
// or 1 alone: a Bernoulli variable. Or it is the number sigmoid(a), to which Gaussian noise is
// added. The result is kept, or flipped (up to 1/2 to 1, otherwise to 0), or it becomes 0, or 1, or
// uniform: `chances` has the chances of the last four, [4][cols], to be multiplied by `level`.
#include "vectors.h"

/// The chances of one vector of pixels.
typedef struct {
  vec flip, zero, one, uniform, kept;
} pixel_chances;

CK_INLINE void load_chances(
  pixel_chances *c, const float *from, float level, long j, long k, long cols) {
  c->flip = level * LOAD(from + j, k);
  c->zero = level * LOAD(from + cols + j, k);
  c->one = level * LOAD(from + 2 * cols + j, k);
  c->uniform = level * LOAD(from + 3 * cols + j, k);
  c->kept = MAX_ZERO(1.0f - (c->flip + c->zero + c->one + c->uniform));
}

/// sigmoid(w) and sigmoid(-w) from one exp, and log(1 + exp(-|w|)).
CK_INLINE void both_sides(const vec *w, vec *above, vec *below, vec *tail) {
  vec e = EXP_NEGATIVE(NEGATIVE_ABS(*w));
  vec large = 1.0f / (1.0f + e), small = e * large;
  *above = *w < 0.0f ? small : large;
  *below = *w < 0.0f ? large : small;
  *tail = LOG1P_UNIT(e);
}

/// What one vector of pixels adds: its losses, their slopes by the logits, and by the level the sum
/// of the chances of another value less what stays.
typedef struct {
  vec loss, slope, level;
} noisy;

/// -log(kept exp(log_base) + other), which is kept apart where nothing but `log_base` can be: then
/// no exp may underflow. `share` is the part of `kept exp(log_base)` in the sum.
CK_INLINE void mixed(
  const vec *kept, const vec *log_base, const vec *other, vec *loss, vec *share, vec *sum) {
  vec base = EXP(*log_base);
  vec kept_base = *kept * base;
  *sum = kept_base + *other;
  vec guarded = *sum < 1e-37f ? (vec)1e-37f : *sum;
  vec certain = *kept < 1e-37f ? (vec)1e-37f : *kept;
  *loss = *other > 0.0f ? -LOG(guarded) : -(LOG(certain) + *log_base);
  *share = *other > 0.0f ? kept_base / guarded : (vec)1.0f;
  *share = *kept > 0.0f ? *share : (vec)0.0f;
  *sum = guarded;
}

CK_INLINE void noisy_logistic(
  const vec *a, const vec *x, const pixel_chances *c, float level, float h, noisy *out) {
  ivec is_one = *x >= 1.0f, is_zero = *x <= 0.0f, is_end = is_one | is_zero;
  vec toward = is_zero ? -*a : *a;
  vec w = is_end ? toward - h : *a - 2.0f * h * (*x - 0.5f);
  vec above, below, tail, far_above, crossed, unused;
  both_sides(&w, &above, &below, &tail);
  both_sides(&toward, &far_above, &crossed, &unused);
  vec negative = w < 0.0f ? w : (vec)0.0f;
  vec inside = logf(2.0f * h) - ABS(w) - 2.0f * tail;
  vec log_base = is_end ? negative - tail : inside;
  vec flip = is_end ? c->flip : (vec)0.0f;
  vec other = flip * crossed + (is_one ? c->one : is_zero ? c->zero : c->uniform);
  vec share, sum;
  mixed(&c->kept, &log_base, &other, &out->loss, &share, &sum);
  vec slope = share * (is_end ? below : below - above) - flip * crossed * far_above / sum;
  out->slope = is_zero ? slope : -slope;
  vec changed = 1.0f - c->kept;
  out->level = -(other - changed * EXP(log_base)) / (level * sum);
}

CK_INLINE void noisy_bernoulli(
  const vec *a, const vec *value, const pixel_chances *c, float level, noisy *out) {
  vec x = *value < 0.0f ? (vec)0.0f : *value;
  x = x > 1.0f ? (vec)1.0f : x;
  vec m, rest, tail;
  both_sides(a, &m, &rest, &tail);
  vec half = 0.5f * c->uniform;
  vec one = c->one + half, zero = c->zero + half;
  vec p = c->kept * m + c->flip * rest + one;
  vec q = c->kept * rest + c->flip * m + zero;
  p = p < 1e-37f ? (vec)1e-37f : p;
  q = q < 1e-37f ? (vec)1e-37f : q;
  out->loss = -(x * LOG(p) + (1.0f - x) * LOG(q));
  vec balance = x / p - (1.0f - x) / q;
  out->slope = -balance * (c->kept - c->flip) * m * rest;
  // The chances of 1 and of 0 add up to 1: what one gains by the level, the other loses.
  vec changed = 1.0f - c->kept;
  vec gain = c->flip * rest + one - changed * m;
  out->level = -balance * gain / level;
}

/// The chance of a standard normal below w, its logarithm, and its density; from a rational
/// approximation of erfc with a relative error below 2e-7 (Press et al., Numerical Recipes, 6.2).
CK_INLINE void normal_below(const vec *w, vec *chance, vec *log_chance, vec *density) {
  vec q = ABS(*w) * 0.70710678f;
  vec t = 1.0f / (1.0f + 0.5f * q);
  vec p = 0.17087277f;
  p = p * t - 0.82215223f;
  p = p * t + 1.48851587f;
  p = p * t - 1.13520398f;
  p = p * t + 0.27886807f;
  p = p * t - 0.18628806f;
  p = p * t + 0.09678418f;
  p = p * t + 0.37409196f;
  p = p * t + 1.00002368f;
  p = p * t - 1.26551223f;
  vec exponent = p - q * q;
  vec tail = 0.5f * t * EXP(exponent);
  *chance = *w < 0.0f ? tail : 1.0f - tail;
  vec log_tail = LOG(0.5f * t) + exponent;
  *log_chance = *w < 0.0f ? log_tail : LOG(1.0f - tail);
  *density = 0.39894228f * EXP(-q * q);
}

CK_INLINE void noisy_gaussian(
  const vec *a, const vec *x, const pixel_chances *c, float level, float deviation, int is_clipped,
  noisy *out) {
  vec m, rest, tail;
  both_sides(a, &m, &rest, &tail);
  // Without clipping 0 and 1 are ends only where something may become them.
  ivec is_one = is_clipped ? *x >= 1.0f : (*x == 1.0f) & (c->one + c->flip > 0.0f);
  ivec is_zero = is_clipped ? *x <= 0.0f : (*x == 0.0f) & (c->zero + c->flip > 0.0f);
  ivec is_end = is_one | is_zero;
  float scale = 1.0f / deviation;
  vec w = (is_one ? m - 1.0f : is_zero ? -m : *x - m) * scale;
  vec middle = (is_one ? 0.5f - m : m - 0.5f) * scale;
  vec below, log_below, density, crossed, unused, crossed_density;
  normal_below(&w, &below, &log_below, &density);
  normal_below(&middle, &crossed, &unused, &crossed_density);
  vec inside = -0.5f * w * w - (logf(deviation) + 0.91893853f);
  vec log_base = is_end ? log_below : inside;
  vec kept = c->kept;
  if (!is_clipped) kept = is_end ? (vec)0.0f : kept;
  vec flip = is_end ? c->flip : (vec)0.0f;
  ivec is_beyond = (*x < 0.0f) | (*x > 1.0f);
  vec between = is_beyond ? (vec)0.0f : c->uniform;
  vec other = flip * crossed + (is_one ? c->one : is_zero ? c->zero : between);
  vec share, sum;
  mixed(&kept, &log_base, &other, &out->loss, &share, &sum);
  // Mills' ratio by logarithms: alone, density and chance underflow.
  vec ratio = EXP(-0.5f * w * w - 0.91893853f - log_below);
  vec gain = (share * (is_end ? ratio : w) - flip * crossed_density / sum) * scale * m * rest;
  out->slope = is_zero ? gain : -gain;
  vec base = kept > 0.0f ? EXP(log_base) : (vec)0.0f;
  out->level = -(other - (1.0f - c->kept) * base) / (level * sum);
}

/// Adds up one kind of pixel over the rows; `width` is h or a deviation.
#define NOISY_LOOP(pixel)                                             \
  for (long row = 0; row < rows; row++) {                             \
    vec sum = 0.0f, levels = 0.0f;                                    \
    CK_VECTORS(j, k, cols) {                                          \
      long at = row * cols + j;                                       \
      vec a = LOAD(logits + at, k), target = LOAD(x + at, k);         \
      pixel_chances c;                                                \
      load_chances(&c, chances, level, j, k, cols);                   \
      noisy out;                                                      \
      pixel;                                                          \
      sum += FIRST(out.loss, k);                                      \
      if (row_level) levels += FIRST(out.level, k);                   \
      if (grad) STORE(grad + at, out.slope, k);                       \
    }                                                                 \
    row_loss[row] = vec_sum(&sum);                                    \
    if (row_level) row_level[row] = vec_sum(&levels);                 \
  }

CK_HOT void ck_noisy_logistic_nll(
  const float *logits, const float *x, const float *chances, float level, float h, float *row_loss,
  float *grad, float *row_level, long rows, long cols) {
  NOISY_LOOP(noisy_logistic(&a, &target, &c, level, h, &out))
}

CK_HOT void ck_noisy_bernoulli_nll(
  const float *logits, const float *x, const float *chances, float level, float *row_loss,
  float *grad, float *row_level, long rows, long cols) {
  NOISY_LOOP(noisy_bernoulli(&a, &target, &c, level, &out))
}

CK_HOT void ck_noisy_gaussian_nll(
  const float *logits, const float *x, const float *chances, float level, float deviation,
  int is_clipped, float *row_loss, float *grad, float *row_level, long rows, long cols) {
  NOISY_LOOP(noisy_gaussian(&a, &target, &c, level, deviation, is_clipped, &out))
}

// MARK: The clean pixel

/// The mean of a logistic variable cut off at 0 and 1: the softplus of both ends' logits, less each
/// other, over 2 h.
CK_INLINE void cut_mean(const vec *a, float h, vec *mean) {
  *mean = (SOFTPLUS(*a + h) - SOFTPLUS(*a - h)) * (0.5f / h);
}

CK_HOT void ck_cut_logistic_mean(const float *logits, float *mean, float *slope, float h, long n) {
  CK_VECTORS(i, k, n) {
    vec a = LOAD(logits + i, k), m;
    cut_mean(&a, h, &m);
    STORE(mean + i, m, k);
    if (slope) STORE(slope + i, (SIGMOID(a + h) - SIGMOID(a - h)) * (0.5f / h), k);
  }
}

CK_HOT void ck_restore_logistic(
  const float *logits, const float *x, const float *chances, float level, float h, float *y,
  long rows, long cols) {
  for (long row = 0; row < rows; row++) {
    CK_VECTORS(j, k, cols) {
      long at = row * cols + j;
      vec a = LOAD(logits + at, k), value = LOAD(x + at, k), mean;
      pixel_chances c;
      load_chances(&c, chances, level, j, k, cols);
      cut_mean(&a, h, &mean);
      ivec is_one = value >= 1.0f, is_zero = value <= 0.0f;
      // The dark half: its chance, and what it adds to the mean.
      vec dark = SIGMOID(-a);
      vec dark_mean = 0.5f * dark - (SOFTPLUS(-a) - SOFTPLUS(-a - h)) * (0.5f / h);
      vec w = a - 2.0f * h * (value - 0.5f);
      vec side = SIGMOID(w);
      vec inside = 2.0f * h * side * (1.0f - side);
      vec kept = is_one ? SIGMOID(a - h) : is_zero ? SIGMOID(-a - h) : inside;
      kept *= c.kept;
      vec flipped = is_one ? dark : is_zero ? 1.0f - dark : (vec)0.0f;
      vec flipped_mean = is_one ? dark_mean : is_zero ? mean - dark_mean : (vec)0.0f;
      vec replaced = is_one ? c.one : is_zero ? c.zero : c.uniform;
      vec sum = kept + c.flip * flipped + replaced;
      vec inner = is_one ? (vec)1.0f : is_zero ? (vec)0.0f : value;
      vec found = kept * inner + c.flip * flipped_mean + replaced * mean;
      STORE(y + at, sum > 1e-30f ? found / sum : mean, k);
    }
  }
}

CK_HOT void ck_restore_bernoulli(
  const float *logits, const float *x, const float *chances, float level, float *y, long rows,
  long cols) {
  for (long row = 0; row < rows; row++) {
    CK_VECTORS(j, k, cols) {
      long at = row * cols + j;
      vec a = LOAD(logits + at, k), value = LOAD(x + at, k);
      pixel_chances c;
      load_chances(&c, chances, level, j, k, cols);
      ivec is_one = value >= 1.0f, is_zero = value <= 0.0f;
      vec m = SIGMOID(a), rest = SIGMOID(-a);
      // A value between is not one of a Bernoulli pixel: the clean one, unless it may be uniform.
      vec kept = c.kept * (is_one ? m : is_zero ? rest : c.uniform > 0.0f ? (vec)0.0f : (vec)1.0f);
      vec flipped = c.flip * (is_one ? rest : is_zero ? m : (vec)0.0f);
      vec replaced = is_one ? c.one : is_zero ? c.zero : c.uniform;
      vec sum = kept + flipped + replaced;
      vec inner = is_one ? (vec)1.0f : is_zero ? (vec)0.0f : value;
      vec found = kept * inner + (is_zero ? flipped : (vec)0.0f) + replaced * m;
      STORE(y + at, sum > 1e-30f ? found / sum : m, k);
    }
  }
}
