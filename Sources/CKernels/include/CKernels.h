// Element-wise and reduction kernels that need the processor's widest vectors, and nothing else.
//
// Arrays are row-major float32 without alignment demands; `n` counts elements; `rows` and `cols`
// describe a matrix [rows, cols]. On x86-64 Linux each kernel exists for AVX-512, AVX2 and the
// baseline. The choice is made when the program is loaded.
//
// What every kernel promises:
// - Element-wise results depend bit for bit on the elements only, not on the place in the array or
//   on `n`. So a slice gives the same bits as the whole array. Row results depend only on the row's
//   content and length.
// - Output may be the same array as an input of the same kernel; other overlaps are not allowed.
// - exp clamps its argument to [-87.33, 87.33], so it neither overflows nor reaches zero. NaN stays
//   NaN.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// MARK: Activations (activations.c)

enum { CK_IDENTITY, CK_SIGMOID, CK_RELU, CK_TANH, CK_SOFTPLUS, CK_LEAKY_RELU };

/// Slope of the leaky ReLU for negative values.
#define CK_LEAKY_SLOPE 0.2f

/// y = act(y + bias), in place. `bias` [cols] or NULL.
void ck_bias_act(float *y, const float *bias, long rows, long cols, int act);

/// dy *= act'(.), a function of the activation's output y. dbias [cols] (or NULL) becomes the
/// column sums of the new dy; with `accumulate` the sums are added.
void ck_act_backward(
  float *dy, const float *y, float *dbias, long rows, long cols, int act, int accumulate);

/// y = act(x).
void ck_activate(float *y, const float *x, long n, int act);

// MARK: Batch normalisation (batchnorm.c)
//
// x, y, dy, dx are [rows, channels], other arrays [channels]; `work` holds 3 * channels doubles.
// `slope` is the rectifier's slope for negative values, 1 for none.

/// Mean and biased variance of each channel.
void ck_channel_moments(
  const float *x, float *mean, float *variance, double *work, long rows, long channels);

/// y = rectified x * scale + shift.
void ck_channel_normalize(
  float *y, const float *x, const float *scale, const float *shift, long rows, long channels,
  float slope);

/// dy becomes the gradient before the rectifier; dshift = sum dy,
/// dscale = sum dy (x - mean) inverse.
void ck_channel_backward_sums(
  float *dy, const float *y, const float *x, const float *mean, const float *inverse,
  float *dshift, float *dscale, double *work, long rows, long channels, float slope);

/// dx = a dy + b (x - mean) + c; with `accumulate` this is added to dx.
void ck_channel_backward(
  float *dx, const float *dy, const float *x, const float *a, const float *b, const float *c,
  const float *mean, long rows, long channels, int accumulate);

// MARK: Convolutions (convolution.c, winograd.c)

/// Square windows over images [height, width, channels], one window for each point of a grid [rows,
/// columns, features]. Images lie one after another, and so do grids. The window of point (r, c)
/// begins at pixel (r stride - padding, c stride - padding). Outside the image there are zeros.
typedef struct {
  long height, width, channels;
  long rows, columns, features;
  long kernel, stride, padding;
} ck_convolution;

/// patches [count, columns, kernel, kernel, channels]: the windows of `count` grid rows from row
/// `first` on. Rows are counted through all grids.
void ck_patches(
  const ck_convolution *g, const float *images, float *patches, long first, long count);

/// The transpose: adds the patches to the images. Without `accumulate`, an image is set to zero
/// before its first row is added.
void ck_add_patches(
  const ck_convolution *g, const float *patches, float *images, long first, long count,
  int accumulate);

// Winograd's transforms for kernel 4, stride 2, padding 1.
//
// Tiles of 2x2 or 4x4 grid points become (tile + 1)^2 planes, `plane` floats apart. A plane has one
// row for each tile. A row has 4 channels values for images (v) or features values for grids (m).
// Channels and features are multiples of 16. `first` and `count` are rows of tiles, counted through
// all images.

/// v from images: B' d B.
void ck_winograd_transform_input(
  const ck_convolution *g, int tile, const float *images, float *v, long plane, long first,
  long count);

/// The transpose: images from v. Tiles overlap, so rows of tiles come in order. The first
/// contribution to a pixel is added to `base` [channels] or, if `base` is NULL, to the pixel.
void ck_winograd_join(
  const ck_convolution *g, int tile, const float *v, long plane, float *images, const float *base,
  long first, long count);

/// m from grids: A y A'.
void ck_winograd_spread(
  const ck_convolution *g, int tile, const float *grids, float *m, long plane, long first,
  long count);

/// The transpose: grids from m, added to `base` [features] or, if `base` is NULL, to the points.
void ck_winograd_collect(
  const ck_convolution *g, int tile, const float *m, long plane, float *grids, const float *base,
  long first, long count);

/// Planes u [4 channels, features] from weights w [4, 4, channels, features];
/// n = channels * features.
void ck_winograd_weights(int tile, const float *w, float *u, long plane, long n);

/// The transpose: w becomes the sum of the planes; with `accumulate` the sum is added to w.
void ck_winograd_weight_sums(
  int tile, const float *u, long plane, float *w, long n, int accumulate);

// MARK: Noise (noise.c): pixels x in [0, 1], [rows, cols], of logits a of clean ones.
//
// `chances` is [4][cols]: the chances that a pixel is flipped, becomes 0, becomes 1, becomes
// uniform; times `level`. grad may be NULL, and so may row_level, the slope of a row's loss by the
// level.

/// -log p(x | a) of clean pixels that are logistic, cut off at 0 and 1: location 1/2 + a / (2 h),
/// scale 1 / (2 h); h > 0.
void ck_noisy_logistic_nll(
  const float *logits, const float *x, const float *chances, float level, float h, float *row_loss,
  float *grad, float *row_level, long rows, long cols);

/// -x log q - (1 - x) log (1 - q), with q the mean of what the noise makes of a
/// Bernoulli(sigmoid(a)).
void ck_noisy_bernoulli_nll(
  const float *logits, const float *x, const float *chances, float level, float *row_loss,
  float *grad, float *row_level, long rows, long cols);

/// -log p(x | a) of sigmoid(a) plus Gaussian noise, which may be clipped to 0...1, then replaced.
void ck_noisy_gaussian_nll(
  const float *logits, const float *x, const float *chances, float level, float deviation,
  int is_clipped, float *row_loss, float *grad, float *row_level, long rows, long cols);

/// The mean of such a logistic pixel, and its slope by the logit, or NULL.
void ck_cut_logistic_mean(const float *logits, float *mean, float *slope, float h, long n);

/// y = E[clean | x, a] of logistic pixels.
void ck_restore_logistic(
  const float *logits, const float *x, const float *chances, float level, float h, float *y,
  long rows, long cols);

/// y = E[clean | x, a] of Bernoulli pixels; a grey x is clean, unless the noise makes such values.
void ck_restore_bernoulli(
  const float *logits, const float *x, const float *chances, float level, float *y, long rows,
  long cols);

// MARK: Outliers

/// pi (inlier + log pi / p) + (1 - pi) log (1 - pi) / (1 - p) for each pixel, summed over a row:
/// `inlier` is -log N(x; sigmoid(logit), deviation squared), pi = sigmoid(gate + odds), p =
/// sigmoid(odds). Outliers have the density 1. The rows' sums of 1 - pi; grad and gate_grad may be
/// NULL, both.
void ck_gated_nll(
  const float *logits, const float *gates, const float *x, float odds, float deviation,
  float *row_loss, float *row_outliers, float *grad, float *gate_grad, long rows, long cols);

/// y = E[clean | x]: sigmoid(logit) where x is an outlier, x where it is not, by the chances of
/// both.
void ck_without_outliers(
  const float *logits, const float *x, float odds, float deviation, float *y, long n);

// MARK: Losses (losses.c). `row_*` is [rows]. Gradients belong to the row's loss and may be NULL.

/// Bernoulli negative log-likelihood on logits:
/// row_loss = sum_j softplus(a) - x a; grad = sigmoid(a) - x.
void ck_bernoulli_nll(
  const float *logits, const float *x, float *row_loss, float *grad, long rows, long cols);

/// row_loss = 0.5 sum_j log 2 pi + lv + (x - m)^2 exp(-lv).
void ck_gaussian_nll(
  const float *x, const float *mean, const float *logvar, float *row_loss, float *dmean,
  float *dlogvar, long rows, long cols);

/// row_loss = sum_j (y - x)^2; grad = 2 (y - x).
void ck_squared_error(
  const float *y, const float *x, float *row_loss, float *grad, long rows, long cols);

/// Of residuals r: row_loss = 0.5 sum_j log(r^2 + eps); grad = r / (r^2 + eps). eps > 1e-30.
void ck_log_squares(
  const float *r, float *row_loss, float *grad, long rows, long cols, float eps);

/// Of residuals r: row_loss = 0.5 sum_j r^2 exp(-lv) + lv; dr = r exp(-lv);
/// dlogvar = 0.5 (1 - r^2 exp(-lv)). Without `logvar`, lv is 0.
void ck_scaled_squares(
  const float *r, const float *logvar, float *row_loss, float *dr, float *dlogvar, long rows,
  long cols);

/// row_kl = 0.5 sum_j exp(lv) + mu^2 - 1 - lv.
void ck_kl_standard_normal(
  const float *mu, const float *logvar, float *row_kl, float *dmu, float *dlogvar, long rows,
  long cols);

/// z = mu + exp(k logvar) eps. exp(k logvar) is the standard deviation for k = 0.5, the variance
/// for k = 1.
void ck_reparameterize(
  float *z, const float *mu, const float *logvar, const float *eps, long n, float k);

/// dmu (+)= dz; dlogvar (+)= dz eps k exp(k logvar). Both outputs may be NULL.
void ck_reparameterize_backward(
  const float *dz, const float *logvar, const float *eps, float *dmu, float *dlogvar, long n,
  float k, int accumulate);

/// y = m + |r| e.
void ck_recycle(float *y, const float *m, const float *r, const float *e, long n);
/// dr (+)= dy e sign(r).
void ck_recycle_backward(
  const float *dy, const float *r, const float *e, float *dr, long n, int accumulate);

/// row_loss = sum_j softplus(sign s); grad = sign sigmoid(sign s).
void ck_softplus_rows(
  const float *s, float *row_loss, float *grad, long rows, long cols, float sign);

/// out = log mean_j exp(w_j) of each row; weights = softmax of the row. `out` and `weights` may be
/// NULL.
void ck_log_mean_exp(const float *w, float *out, float *weights, long rows, long cols);

/// row_loss = log sum_j exp(s_j) - s_label; grad = softmax of the row less 1 at its label.
/// `labels` are in 0..<cols. `grad` may be NULL.
void ck_softmax_cross_entropy(
  const float *s, const int *labels, float *row_loss, float *grad, long rows, long cols);

// MARK: Robust losses (robust_losses.c). d = y - x; `grad` may be NULL.

/// row_loss = sum_j constant + power log(1 + d^2 / width); grad = 2 power d / (width + d^2).
/// Student's t with v degrees of freedom and scale s: width = v s^2, power = (v + 1) / 2.
void ck_student_nll(
  const float *y, const float *x, float *row_loss, float *grad, long rows, long cols, float width,
  float power, float constant);

/// row_loss = sum_j constant + |d| / scale; grad = sign(d) / scale, 0 where d is 0.
void ck_laplace_nll(
  const float *y, const float *x, float *row_loss, float *grad, long rows, long cols, float scale,
  float constant);

/// row_loss = sum_j constant + factor (1 - exp(-slope d^2)).
/// grad = 2 factor slope d exp(-slope d^2).
void ck_beta_gaussian(
  const float *y, const float *x, float *row_loss, float *grad, long rows, long cols, float slope,
  float factor, float constant);

/// With p = sigmoid(logit) and q = 1 - p:
/// row_loss = sum_j p^(1 + beta) + q^(1 + beta) - 1
///   - (1 + 1 / beta) (x p^beta + (1 - x) q^beta - 1);
/// grad = (1 + beta) (p - x) (q p^beta + p q^beta).
void ck_beta_bernoulli(
  const float *logits, const float *x, float *row_loss, float *grad, long rows, long cols,
  float beta);

/// The same of a whole row:
/// row_loss = prod_j (p^(1 + beta) + q^(1 + beta)) - 1
///   - (1 + 1 / beta) (prod_j (x p^beta + (1 - x) q^beta) - 1).
void ck_beta_bernoulli_image(
  const float *logits, const float *x, float *row_loss, float *grad, long rows, long cols,
  float beta);

// MARK: Element-wise (elementwise.c)

void ck_add(float *y, const float *a, const float *b, long n);       // y = a + b
void ck_subtract(float *y, const float *a, const float *b, long n);  // y = a - b
void ck_multiply(float *y, const float *a, const float *b, long n);  // y = a b
void ck_fma(float *y, const float *a, const float *b, long n);       // y += a b
void ck_axpy(float *y, const float *x, float a, long n);             // y += a x
void ck_scale(float *y, float a, long n);                            // y *= a
void ck_copy(float *y, const float *x, long n);
/// y = x within [low, high].
void ck_clamp(float *y, const float *x, long n, float low, float high);
/// dx (+)= dy where x is within [low, high]; elsewhere 0.
void ck_clamp_backward(
  float *dx, const float *dy, const float *x, long n, float low, float high, int accumulate);
void ck_fill(float *y, float value, long n);
/// y (+)= row_scale[row] x.
void ck_scale_rows(
  float *y, const float *x, const float *row_scale, long rows, long cols, int accumulate);
/// y = x / 255, correctly rounded.
void ck_bytes_to_floats(const uint8_t *x, float *y, long n);
/// out = in[0] + in[1] + ... + in[count - 1], added from left to right. `out` may be one of the
/// inputs.
void ck_sum_arrays(float *out, const float *const *in, int count, long n);

// MARK: Reductions (reductions.c), in double precision

double ck_sum(const float *x, long n);
double ck_sum_squares(const float *x, long n);
double ck_sum_abs(const float *x, long n);
/// 1 if no element is infinite or NaN.
int ck_all_finite(const float *x, long n);
/// out[j] (+)= sum of column j.
void ck_column_sums(const float *x, double *out, long rows, long cols, int accumulate);
/// out[j] (+)= sum of |x| of column j.
void ck_column_abs_sums(const float *x, double *out, long rows, long cols, int accumulate);
/// out[row] = sum of the row.
void ck_row_sums(const float *x, float *out, long rows, long cols);

// MARK: Optimizers (optimizers.c), with PyTorch's formulas

/// One Adam step:
/// m += (1 - b1)(g - m); v = b2 v + (1 - b2) g^2; p -= step m / (sqrt(v) inv_sqrt_bias2 + eps).
/// step = lr / (1 - b1^t) and inv_sqrt_bias2 = 1 / sqrt(1 - b2^t) at step t = 1, 2, ...
/// The decays are doubles because 1 - b2 has too few digits in a float.
void ck_adam(
  float *p, const float *g, float *m, float *v, long n, float step, double b1, double b2, float eps,
  float inv_sqrt_bias2);

/// One RMSprop step: sq = alpha sq + (1 - alpha) g^2; d = g / (sqrt(sq) + eps).
/// Without `buf`: p -= lr d. With `buf`: buf = momentum buf + d; p -= lr buf.
void ck_rmsprop(
  float *p, const float *g, float *sq, float *buf, long n, float lr, double alpha, float eps,
  float momentum);

// MARK: Random numbers (random.c)

/// Names one row's stream of Philox4x32-10 words. Word e of the stream is word e % 4 of a Philox
/// block. The block's key is (low, high half of seed); its counter is (e / 4, row, time, purpose).
typedef struct {
  uint64_t seed;
  uint32_t row, time, purpose;
} ck_stream;

/// The first n words of the stream.
void ck_words(ck_stream stream, uint32_t *out, long n);
/// Uniform on [0, 1): (word >> 8) 2^-24.
void ck_uniform(ck_stream stream, float *out, long n);
/// Standard normal: the quantile of ((word >> 8) + 0.5) 2^-24, with a relative error of about 5e-7.
void ck_normal(ck_stream stream, float *out, long n);
/// y = x + sigma normal.
void ck_add_normal(float *y, const float *x, long n, float sigma, ck_stream stream);

// MARK: The sparse part (sparse.c)

/// out = sign(v) max(|v| - t, 0); t >= 0, and t may be infinite.
void ck_soft_threshold(const float *v, float *out, float t, long n);
/// Splits x - l into s = shrink(x - l, t) and r = x - l - s. At entry r holds the previous
/// residual. Adds to sums: [0] |r|^2, [1] |r - previous r|^2, [2] the number of nonzeros of s.
void ck_project_sparse(
  const float *x, const float *l, float *s, float *r, long n, float t, double sums[3]);

/// out = v times the share of each pixel, of at most 4 channels, that shrinking leaves. Its
/// magnitude g is the Euclidean norm, and the share 1 - t / g; or, with `firm`, the largest
/// absolute value, and the share (g - t) / t up to 2 t, 1 above. 0 up to t. out may be v; t may be
/// infinite.
void ck_shrink_pixels(const float *v, float *out, long pixels, int channels, float t, int firm);
/// ck_project_sparse with ck_shrink_pixels.
void ck_project_pixels(
  const float *x, const float *l, float *s, float *r, long pixels, int channels, float t, int firm,
  double sums[3]);

// MARK: Robust PCA (pursuit.c)
//
// X = L + S with multipliers Y; all arrays have n elements. Products and sums are in double
// precision.

/// a = x - s + inverse_mu y.
void ck_pursuit_deviation(
  double *a, const float *x, const float *s, const float *y, double inverse_mu, long n);

/// y += mu (x - l - s), then s = shrink(x - l + y / next_mu, lambda / next_mu).
///
/// Returns the sum of the squares of x - l - s with the old s.
double ck_pursuit_multipliers_first(
  const float *x, const double *l, float *s, float *y, double mu, double next_mu, double lambda,
  long n);

/// s = shrink(x - l + y / mu, lambda / mu), then y += mu (x - l - s).
///
/// Returns the sum of the squares of x - l - s with the new s.
double ck_pursuit_sparse_first(
  const float *x, const double *l, float *s, float *y, double mu, double lambda, long n);

/// Like the former, where values of s up to `tolerance` cost nothing; r becomes x - l - s.
///
/// Adds to `sums` the squares of r and of its change.
void ck_pursuit_tolerant(
  const float *x, const double *l, float *s, float *y, float *r, double mu, double lambda,
  double tolerance, long n, double sums[2]);

// MARK: Compact storage of the row state (compact.c)

/// The nearest half-precision numbers (IEEE binary16, as bits); ties go to even. Magnitudes from
/// 65520 on become infinite; NaN stays NaN.
void ck_floats_to_halves(const float *x, uint16_t *y, long n);
/// y = x, exactly.
void ck_halves_to_floats(const uint16_t *x, float *y, long n);
/// 1 unless a half is infinite or no number.
int ck_all_halves_finite(const uint16_t *x, long n);
/// y -= x.
void ck_subtract_halves(float *y, const uint16_t *x, long n);
/// The nearest integers to x / step, within +-127; ties go to even; 0 if `step` is 0.
void ck_floats_to_steps(const float *x, int8_t *y, long n, float step);
/// y = step x.
void ck_steps_to_floats(const int8_t *x, float *y, long n, float step);

// MARK: Samples of each row (sampling.c)
//
// mean, log_sigma and their gradients are [rows, cols]. z, eps and their gradients are
// [rows * repeats, cols]; the repeats of a row lie one below another. Gradients may be NULL.

/// z = mean + exp(log_sigma) eps.
void ck_sample_rows(
  float *z, const float *mean, const float *log_sigma, const float *eps, long rows, long cols,
  long repeats);
void ck_sample_rows_backward(
  const float *dz, const float *log_sigma, const float *eps, float *dmean, float *dlog_sigma,
  long rows, long cols, long repeats, int accumulate_mean, int accumulate_log);

/// log N(z; 0, I) - log N(z; mean, sigma^2) of a sample: out = sum_j log_sigma + 0.5 (eps^2 - z^2).
void ck_prior_ratio(
  const float *z, const float *log_sigma, const float *eps, float *out, long rows, long cols,
  long repeats);
/// dz (+)= -gradient z; dlog_sigma (+)= the sum of a row's gradients.
void ck_prior_ratio_backward(
  const float *z, const float *gradient, float *dz, float *dlog_sigma, long rows, long cols,
  long repeats, int accumulate_z, int accumulate_log);

/// Negative log-density of x under Gaussians, all arrays [rows, cols], with its derivatives by mean
/// and scale.
///
/// The means are sigmoid(mean), the deviations s = softplus(scale) + least:
/// row_loss = 0.5 sum_j log 2 pi + 2 log s + (x - m)^2 / s^2.
void ck_gaussian_decoder_nll(
  const float *x, const float *mean, const float *scale, float *row_loss, float *dmean,
  float *dscale, long rows, long cols, float least);

// MARK: Binary noise (random.c)

/// x = 1 where u < rate * ones, x = 0 where rate * ones <= u < rate; elsewhere x does not change.
/// u is uniform; element e reads word e of the stream. With `rates` [n], element e has rates[e] in
/// place of both `rate` and `ones`.
void ck_replace_binary(
  float *x, const float *rates, float rate, float ones, long n, ck_stream stream);
/// x = 1 where u < x, else 0.
void ck_binarize(float *x, long n, ck_stream stream);

// MARK: Norms that do not depend on the order of addition (reductions.c)

/// The largest magnitude.
float ck_max_abs(const float *x, long n);
/// The sum of the squares; each square is rounded down to a whole number of units of 1 / per_unit.
int64_t ck_sum_squares_in_units(const float *x, double per_unit, long n);

// MARK: Memory of this and of several processes (memory_file.c)

/// A new file in memory without a name; -1, with errno, where the system refuses.
int ck_memory_file(const char *label);

/// From now on freed blocks of at least so many bytes go back to the system at once.
void ck_return_blocks_from(int bytes);

// MARK: Names of files (file_names.c)

/// Exchanges two names at once; -1, with errno, EINVAL where the disk cannot.
int ck_exchange_names(const char *a, const char *b);

#ifdef __cplusplus
}
#endif

#endif
