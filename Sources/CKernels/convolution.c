// Windows of channels-last images as rows of a matrix, and the transpose.
#include "vectors.h"

CK_INLINE long between(long i, long low, long high) { return i < low ? low : i > high ? high : i; }

CK_INLINE void zero_run(float *to, long n) { memset(to, 0, (size_t)n * sizeof(float)); }

/// A call of memcpy costs more than a short copy.
CK_INLINE void copy_run(float *to, const float *from, long n) {
  if (n > 32) {
    memcpy(to, from, (size_t)n * sizeof(float));
    return;
  }
  for (; n >= CK_WIDTH; n -= CK_WIDTH, to += CK_WIDTH, from += CK_WIDTH)
    memcpy(to, from, CK_WIDTH * sizeof(float));
  copy_part(to, from, n);
}

CK_INLINE void add_run(float *to, const float *from, long n) {
  long i = 0;
  for (; i + CK_WIDTH <= n; i += CK_WIDTH)
    *(vec_unaligned *)(to + i) += *(const vec_unaligned *)(from + i);
  for (; i + 4 <= n; i += 4) {
    vec4 a, b;
    memcpy(&a, to + i, sizeof a);
    memcpy(&b, from + i, sizeof b);
    a += b;
    memcpy(to + i, &a, sizeof a);
  }
  for (; i < n; i++) to[i] += from[i];
}

CK_HOT void ck_patches(
  const ck_convolution *g, const float *images, float *patches, long first, long count) {
  const long channels = g->channels, kernel = g->kernel;
  for (long row = first; row < first + count; row++) {
    const float *image = images + row / g->rows * (g->height * g->width * channels);
    const long top = row % g->rows * g->stride - g->padding;
    for (long column = 0; column < g->columns; column++) {
      const long left = column * g->stride - g->padding;
      const long from = between(-left, 0, kernel), to = between(g->width - left, from, kernel);
      for (long ky = 0; ky < kernel; ky++, patches += kernel * channels) {
        const long y = top + ky;
        if (y < 0 || y >= g->height || from == to) {
          zero_run(patches, kernel * channels);
          continue;
        }
        const float *source = image + (y * g->width + left + from) * channels;
        if (from > 0) zero_run(patches, from * channels);
        copy_run(patches + from * channels, source, (to - from) * channels);
        if (to < kernel) zero_run(patches + to * channels, (kernel - to) * channels);
      }
    }
  }
}

CK_HOT void ck_add_patches(
  const ck_convolution *g, const float *patches, float *images, long first, long count,
  int accumulate) {
  const long channels = g->channels, kernel = g->kernel, size = g->height * g->width * channels;
  for (long row = first; row < first + count; row++) {
    float *image = images + row / g->rows * size;
    if (!accumulate && row % g->rows == 0) zero_run(image, size);
    const long top = row % g->rows * g->stride - g->padding;
    for (long column = 0; column < g->columns; column++) {
      const long left = column * g->stride - g->padding;
      const long from = between(-left, 0, kernel), to = between(g->width - left, from, kernel);
      for (long ky = 0; ky < kernel; ky++, patches += kernel * channels) {
        const long y = top + ky;
        if (y < 0 || y >= g->height) continue;
        add_run(
          image + (y * g->width + left + from) * channels, patches + from * channels,
          (to - from) * channels);
      }
    }
  }
}
