// Winograd's transforms for convolutions with windows of 4x4, stride 2 and padding 1, between
// images [height, width, channels] and grids [rows, columns, features].
//
// Along one axis, the four taps w of the window are two taps on each of two phases of the pixels x:
//
//     y[o] = (w[0] a[o] + w[2] a[o + 1]) + (w[1] b[o] + w[3] b[o + 1])
//     a[j] = x[2j - 1], b[j] = x[2j]
//
// Write d for a phase (a or b) and g for its two taps. Then t points
// y[o] = g[0] d[o] + g[1] d[o + 1] are y = A' (G g * B' d). This takes t + 1 products
// (Winograd 1980; Lavin & Gray 2016). In two dimensions A, B and G work along both axes, so a
// tile of t x t points takes (t + 1)^2 products. The four combinations of phases lie side by
// side in rows of 4 channels values. Inside the products they add up.
//
// t = 2 interpolates at 0, 1 and infinity. t = 4 interpolates at p, -p, q, -q and infinity with
// p = 1/2, q = 5/4. Rounding errors are then near the errors of direct convolution; the points
// 0, 1, -1, 2 give errors three times as large.
#include "vectors.h"

enum { POINTS = 5 };  // the largest t + 1
#define P 0.5f
#define Q 1.25f
#define PP (P * P)
#define QQ (Q * Q)
// 1 / (product of the differences to the other points), from p and from q.
#define TAP_P (1.0f / (2.0f * P * (PP - QQ)))
#define TAP_Q (1.0f / (2.0f * Q * (QQ - PP)))

/// d = B' d: makes t + 1 values of a phase.
CK_INLINE void transform_input(vec *d, int t) {
  if (t == 2) {
    d[0] = d[0] - d[1];
    d[2] = d[2] - d[1];
  } else {
    vec odd_p = d[3] - QQ * d[1], even_p = P * (d[2] - QQ * d[0]);
    vec odd_q = d[3] - PP * d[1], even_q = Q * (d[2] - PP * d[0]);
    d[4] = d[4] - (PP + QQ) * d[2] + PP * QQ * d[0];
    d[0] = odd_p + even_p;
    d[1] = odd_p - even_p;
    d[2] = odd_q + even_q;
    d[3] = odd_q - even_q;
  }
}

/// d = B d: the transpose of `transform_input`.
CK_INLINE void join(vec *d, int t) {
  if (t == 2) {
    d[1] = d[1] - d[0] - d[2];
  } else {
    vec sum_p = d[0] + d[1], difference_p = P * (d[0] - d[1]);
    vec sum_q = d[2] + d[3], difference_q = Q * (d[2] - d[3]);
    d[0] = PP * QQ * d[4] - QQ * difference_p - PP * difference_q;
    d[1] = -QQ * sum_p - PP * sum_q;
    d[2] = (difference_p + difference_q) - (PP + QQ) * d[4];
    d[3] = sum_p + sum_q;
  }
}

/// m = A y: makes t + 1 values from t values of a grid.
CK_INLINE void spread(vec *y, int t) {
  if (t == 2) {
    y[2] = y[1];
    y[1] = y[0] + y[1];
  } else {
    vec even_p = y[0] + PP * y[2], odd_p = P * (y[1] + PP * y[3]);
    vec even_q = y[0] + QQ * y[2], odd_q = Q * (y[1] + QQ * y[3]);
    y[4] = y[3];
    y[0] = even_p + odd_p;
    y[1] = even_p - odd_p;
    y[2] = even_q + odd_q;
    y[3] = even_q - odd_q;
  }
}

/// y = A' m: the transpose of `spread`.
CK_INLINE void collect(vec *m, int t) {
  if (t == 2) {
    m[0] = m[0] + m[1];
    m[1] = m[1] + m[2];
  } else {
    vec sum_p = m[0] + m[1], difference_p = P * (m[0] - m[1]);
    vec sum_q = m[2] + m[3], difference_q = Q * (m[2] - m[3]);
    m[0] = sum_p + sum_q;
    m[1] = difference_p + difference_q;
    m[2] = PP * sum_p + QQ * sum_q;
    m[3] = PP * difference_p + QQ * difference_q + m[4];
  }
}

/// u = G g: makes t + 1 values from two taps.
CK_INLINE void tap(vec *g, int t) {
  if (t == 2) {
    g[2] = g[1];
    g[1] = g[0] + g[1];
  } else {
    vec near = g[0] * TAP_P, far = g[1] * (P * TAP_P);
    vec near_q = g[0] * TAP_Q, far_q = g[1] * (Q * TAP_Q);
    g[4] = g[1];
    g[0] = far + near;
    g[1] = far - near;
    g[2] = far_q + near_q;
    g[3] = far_q - near_q;
  }
}

/// g = G' u: the transpose of `tap`.
CK_INLINE void untap(vec *u, int t) {
  if (t == 2) {
    u[0] = u[0] + u[1];
    u[1] = u[1] + u[2];
  } else {
    vec near = TAP_P * (u[0] - u[1]) + TAP_Q * (u[2] - u[3]);
    u[1] = (P * TAP_P) * (u[0] + u[1]) + (Q * TAP_Q) * (u[2] + u[3]) + u[4];
    u[0] = near;
  }
}

#define AT(p) (*(vec_unaligned *)(p))
#define FROM(p) (*(const vec_unaligned *)(p))

/// The address of pixel (y, x) of an image; `outside` for a pixel outside the image.
CK_INLINE const float *image_pixel(
  const ck_convolution *g, const float *image, const float *outside, long y, long x) {
  int inside = y >= 0 && y < g->height && x >= 0 && x < g->width;
  return inside ? image + (y * g->width + x) * g->channels : outside;
}

CK_INLINE const float *grid_pixel(
  const ck_convolution *g, const float *grid, const float *outside, long y, long x) {
  return y < g->rows && x < g->columns ? grid + (y * g->columns + x) * g->features : outside;
}

CK_INLINE void transform_tiles(
  const ck_convolution *g, const float *images, float *v, long plane, long first, long count,
  int t) {
  const int n = t + 1;
  const long down = (g->rows + t - 1) / t, across = (g->columns + t - 1) / t;
  float zeros[g->channels];
  memset(zeros, 0, sizeof zeros);
  for (long row = first; row < first + count; row++) {
    const float *image = images + row / down * (g->height * g->width * g->channels);
    for (long tile = 0; tile < across; tile++) {
      for (long phase = 0; phase < 4; phase++, v += g->channels) {
        const long top = 2 * t * (row % down) - 1 + (phase >> 1);
        const long left = 2 * t * tile - 1 + (phase & 1);
        const float *from[POINTS][POINTS];
        for (int i = 0; i < n; i++)
          for (int j = 0; j < n; j++)
            from[i][j] = image_pixel(g, image, zeros, top + 2 * i, left + 2 * j);
        for (long c = 0; c < g->channels; c += CK_WIDTH) {
          vec half[POINTS][POINTS];
#pragma clang loop unroll(full)
          for (int j = 0; j < n; j++) {
            vec d[POINTS];
            for (int i = 0; i < n; i++) d[i] = FROM(from[i][j] + c);
            transform_input(d, t);
            for (int i = 0; i < n; i++) half[i][j] = d[i];
          }
#pragma clang loop unroll(full)
          for (int i = 0; i < n; i++) {
            transform_input(half[i], t);
            for (int j = 0; j < n; j++) AT(v + (i * n + j) * plane + c) = half[i][j];
          }
        }
      }
    }
  }
}

CK_INLINE void join_tiles(
  const ck_convolution *g, const float *v, long plane, float *images, const float *base, long first,
  long count, int t) {
  const int n = t + 1;
  const long down = (g->rows + t - 1) / t, across = (g->columns + t - 1) / t;
  float zeros[g->channels], sink[g->channels];
  memset(zeros, 0, sizeof zeros);
  for (long row = first; row < first + count; row++) {
    float *image = images + row / down * (g->height * g->width * g->channels);
    const int below = row % down > 0;
    for (long tile = 0; tile < across; tile++) {
      for (long phase = 0; phase < 4; phase++, v += g->channels) {
        const long top = 2 * t * (row % down) - 1 + (phase >> 1);
        const long left = 2 * t * tile - 1 + (phase & 1);
        float *to[POINTS][POINTS];
        const float *from[POINTS][POINTS];
        for (int i = 0; i < n; i++) {
          for (int j = 0; j < n; j++) {
            float *pixel = (float *)image_pixel(g, image, sink, top + 2 * i, left + 2 * j);
            // The tiles above and on the left began the first row and column.
            const int begun = (i == 0 && below) || (j == 0 && tile > 0);
            to[i][j] = pixel;
            from[i][j] = pixel == sink ? zeros : begun || base == NULL ? pixel : base;
          }
        }
        for (long c = 0; c < g->channels; c += CK_WIDTH) {
          vec half[POINTS][POINTS];
#pragma clang loop unroll(full)
          for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) half[i][j] = FROM(v + (i * n + j) * plane + c);
            join(half[i], t);
          }
#pragma clang loop unroll(full)
          for (int j = 0; j < n; j++) {
            vec d[POINTS];
            for (int i = 0; i < n; i++) d[i] = half[i][j];
            join(d, t);
            for (int i = 0; i < n; i++) AT(to[i][j] + c) = FROM(from[i][j] + c) + d[i];
          }
        }
      }
    }
  }
}

CK_INLINE void spread_tiles(
  const ck_convolution *g, const float *grids, float *m, long plane, long first, long count,
  int t) {
  const int n = t + 1;
  const long down = (g->rows + t - 1) / t, across = (g->columns + t - 1) / t;
  float zeros[g->features];
  memset(zeros, 0, sizeof zeros);
  for (long row = first; row < first + count; row++) {
    const float *grid = grids + row / down * (g->rows * g->columns * g->features);
    for (long tile = 0; tile < across; tile++, m += g->features) {
      const float *from[POINTS][POINTS];
      for (int i = 0; i < t; i++)
        for (int j = 0; j < t; j++)
          from[i][j] = grid_pixel(g, grid, zeros, t * (row % down) + i, t * tile + j);
      for (long f = 0; f < g->features; f += CK_WIDTH) {
        vec half[POINTS][POINTS];
#pragma clang loop unroll(full)
        for (int j = 0; j < t; j++) {
          vec y[POINTS];
          for (int i = 0; i < t; i++) y[i] = FROM(from[i][j] + f);
          spread(y, t);
          for (int i = 0; i < n; i++) half[i][j] = y[i];
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < n; i++) {
          spread(half[i], t);
          for (int j = 0; j < n; j++) AT(m + (i * n + j) * plane + f) = half[i][j];
        }
      }
    }
  }
}

CK_INLINE void collect_tiles(
  const ck_convolution *g, const float *m, long plane, float *grids, const float *base,
  long first, long count, int t) {
  const int n = t + 1;
  const long down = (g->rows + t - 1) / t, across = (g->columns + t - 1) / t;
  float sink[g->features];
  memset(sink, 0, sizeof sink);
  for (long row = first; row < first + count; row++) {
    float *grid = grids + row / down * (g->rows * g->columns * g->features);
    for (long tile = 0; tile < across; tile++, m += g->features) {
      float *to[POINTS][POINTS];
      for (int i = 0; i < t; i++)
        for (int j = 0; j < t; j++)
          to[i][j] = (float *)grid_pixel(g, grid, sink, t * (row % down) + i, t * tile + j);
      for (long f = 0; f < g->features; f += CK_WIDTH) {
        vec half[POINTS][POINTS];
#pragma clang loop unroll(full)
        for (int i = 0; i < n; i++) {
          for (int j = 0; j < n; j++) half[i][j] = FROM(m + (i * n + j) * plane + f);
          collect(half[i], t);
        }
        if (base != NULL) {
          const vec start = FROM(base + f);
#pragma clang loop unroll(full)
          for (int j = 0; j < t; j++) {
            vec y[POINTS];
            for (int i = 0; i < n; i++) y[i] = half[i][j];
            collect(y, t);
            for (int i = 0; i < t; i++) AT(to[i][j] + f) = start + y[i];
          }
        } else {
#pragma clang loop unroll(full)
          for (int j = 0; j < t; j++) {
            vec y[POINTS];
            for (int i = 0; i < n; i++) y[i] = half[i][j];
            collect(y, t);
            for (int i = 0; i < t; i++) AT(to[i][j] + f) = FROM(to[i][j] + f) + y[i];
          }
        }
      }
    }
  }
}

/// The two taps of a phase are 2 apart along an axis; phase 0 has the odd pixels.
CK_INLINE void weight_planes(const float *w, float *u, long plane, long n, int t) {
  const int points = t + 1;
  for (long phase = 0; phase < 4; phase++, u += n) {
    const float *taps = w + ((phase >> 1) * 4 + (phase & 1)) * n;
    for (long e = 0; e < n; e += CK_WIDTH) {
      vec half[POINTS][POINTS];
#pragma clang loop unroll(full)
      for (int j = 0; j < 2; j++) {
        vec g[POINTS];
        g[0] = FROM(taps + 2 * j * n + e);
        g[1] = FROM(taps + (8 + 2 * j) * n + e);
        tap(g, t);
        for (int i = 0; i < points; i++) half[i][j] = g[i];
      }
#pragma clang loop unroll(full)
      for (int i = 0; i < points; i++) {
        tap(half[i], t);
        for (int j = 0; j < points; j++) AT(u + (i * points + j) * plane + e) = half[i][j];
      }
    }
  }
}

CK_INLINE void weight_sums(const float *u, long plane, float *w, long n, int accumulate, int t) {
  const int points = t + 1;
  for (long phase = 0; phase < 4; phase++, u += n) {
    float *taps = w + ((phase >> 1) * 4 + (phase & 1)) * n;
    for (long e = 0; e < n; e += CK_WIDTH) {
      vec half[POINTS][POINTS];
#pragma clang loop unroll(full)
      for (int i = 0; i < points; i++) {
        for (int j = 0; j < points; j++) half[i][j] = FROM(u + (i * points + j) * plane + e);
        untap(half[i], t);
      }
#pragma clang loop unroll(full)
      for (int j = 0; j < 2; j++) {
        vec g[POINTS];
        for (int i = 0; i < points; i++) g[i] = half[i][j];
        untap(g, t);
        float *near = taps + 2 * j * n + e, *far = near + 8 * n;
        AT(near) = accumulate ? FROM(near) + g[0] : g[0];
        AT(far) = accumulate ? FROM(far) + g[1] : g[1];
      }
    }
  }
}

// `tile` is a constant at each inlined call.

CK_HOT void ck_winograd_transform_input(
  const ck_convolution *g, int tile, const float *images, float *v, long plane, long first,
  long count) {
  if (tile == 2)
    transform_tiles(g, images, v, plane, first, count, 2);
  else
    transform_tiles(g, images, v, plane, first, count, 4);
}

CK_HOT void ck_winograd_join(
  const ck_convolution *g, int tile, const float *v, long plane, float *images, const float *base,
  long first, long count) {
  if (tile == 2)
    join_tiles(g, v, plane, images, base, first, count, 2);
  else
    join_tiles(g, v, plane, images, base, first, count, 4);
}

CK_HOT void ck_winograd_spread(
  const ck_convolution *g, int tile, const float *grids, float *m, long plane, long first,
  long count) {
  if (tile == 2)
    spread_tiles(g, grids, m, plane, first, count, 2);
  else
    spread_tiles(g, grids, m, plane, first, count, 4);
}

CK_HOT void ck_winograd_collect(
  const ck_convolution *g, int tile, const float *m, long plane, float *grids, const float *base,
  long first, long count) {
  if (tile == 2)
    collect_tiles(g, m, plane, grids, base, first, count, 2);
  else
    collect_tiles(g, m, plane, grids, base, first, count, 4);
}

CK_HOT void ck_winograd_weights(int tile, const float *w, float *u, long plane, long n) {
  if (tile == 2)
    weight_planes(w, u, plane, n, 2);
  else
    weight_planes(w, u, plane, n, 4);
}

CK_HOT void ck_winograd_weight_sums(
  int tile, const float *u, long plane, float *w, long n, int accumulate) {
  if (tile == 2)
    weight_sums(u, plane, w, n, accumulate, 2);
  else
    weight_sums(u, plane, w, n, accumulate, 4);
}
