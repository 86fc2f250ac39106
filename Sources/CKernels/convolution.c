// Data movement of convolutions over channels-last images [images, height, width, channels].
//
// The Winograd kernels serve 4x4 windows of stride 2 and padding 1 between an image of 2h x 2w and a
// grid of h x w, both even: see ConvolutionPlan.
#include "vectors.h"

CK_INLINE long bound(long i, long low, long high) { return i < low ? low : i > high ? high : i; }

void ck_im2col(
  float *columns, const float *x, long images, long height, long width, long channels, long kernel,
  long stride, long padding, long rows, long cols) {
  for (long image = 0; image < images; image++, x += height * width * channels) {
    for (long oy = 0; oy < rows; oy++) {
      for (long ox = 0; ox < cols; ox++) {
        long left = ox * stride - padding;
        long from = bound(-left, 0, kernel), to = bound(width - left, from, kernel);
        for (long ky = 0; ky < kernel; ky++, columns += kernel * channels) {
          long iy = oy * stride - padding + ky;
          if (iy < 0 || iy >= height) {
            memset(columns, 0, (size_t)(kernel * channels) * sizeof(float));
            continue;
          }
          const float *source = x + (iy * width + left + from) * channels;
          memset(columns, 0, (size_t)(from * channels) * sizeof(float));
          memcpy(columns + from * channels, source, (size_t)((to - from) * channels) * sizeof(float));
          memset(
            columns + to * channels, 0, (size_t)((kernel - to) * channels) * sizeof(float));
        }
      }
    }
  }
}

CK_HOT void ck_col2im(
  float *x, const float *columns, long images, long height, long width, long channels, long kernel,
  long stride, long padding, long rows, long cols) {
  for (long image = 0; image < images; image++, x += height * width * channels) {
    for (long oy = 0; oy < rows; oy++) {
      for (long ox = 0; ox < cols; ox++) {
        long left = ox * stride - padding;
        long from = bound(-left, 0, kernel), to = bound(width - left, from, kernel);
        for (long ky = 0; ky < kernel; ky++, columns += kernel * channels) {
          long iy = oy * stride - padding + ky;
          if (iy < 0 || iy >= height) continue;
          float *target = x + (iy * width + left + from) * channels;
          const float *source = columns + from * channels;
          long n = (to - from) * channels;
          for (long i = 0; i < n; i++) target[i] += source[i];
        }
      }
    }
  }
}

// MARK: Winograd

/// The three pixels, along one axis, that phase `odd` of tile t reads: E[2t], E[2t+1], E[2t+2] or
/// O[2t-1], O[2t], O[2t+1] with E[i] = x[2i], O[i] = x[2i+1].
CK_INLINE long pixel(long tile, long odd, long i) { return 4 * tile + 2 * i - odd; }

CK_HOT void ck_winograd_gather(
  float *v, const float *x, const float *zeros, long images, long height, long width,
  long channels) {
  long down = height / 4, across = width / 4, tiles = images * down * across;
  long component = tiles * 4 * channels;
  for (long image = 0; image < images; image++, x += height * width * channels) {
    for (long ty = 0; ty < down; ty++) {
      for (long tx = 0; tx < across; tx++) {
        for (long phase = 0; phase < 4; phase++, v += channels) {
          const float *p[3][3];
          for (long i = 0; i < 3; i++) {
            for (long j = 0; j < 3; j++) {
              long iy = pixel(ty, phase >> 1, i), ix = pixel(tx, phase & 1, j);
              int inside = iy >= 0 && iy < height && ix >= 0 && ix < width;
              p[i][j] = inside ? x + (iy * width + ix) * channels : zeros;
            }
          }
          CK_BLOCKS(c, k, channels) {
            vec r[3][3];
            for (int i = 0; i < 3; i++) {
              vec middle = LOAD(p[i][1] + c, k);
              r[i][0] = LOAD(p[i][0] + c, k) - middle;
              r[i][1] = middle;
              r[i][2] = LOAD(p[i][2] + c, k) - middle;
            }
            for (int j = 0; j < 3; j++) {
              STORE(v + j * component + c, r[0][j] - r[1][j], k);
              STORE(v + (3 + j) * component + c, r[1][j], k);
              STORE(v + (6 + j) * component + c, r[2][j] - r[1][j], k);
            }
          }
        }
      }
    }
  }
}

CK_HOT void ck_winograd_scatter(
  float *x, const float *v, float *sink, long images, long height, long width, long channels) {
  long down = height / 4, across = width / 4, tiles = images * down * across;
  long component = tiles * 4 * channels;
  for (long image = 0; image < images; image++, x += height * width * channels) {
    for (long ty = 0; ty < down; ty++) {
      for (long tx = 0; tx < across; tx++) {
        for (long phase = 0; phase < 4; phase++, v += channels) {
          float *p[3][3];
          for (long i = 0; i < 3; i++) {
            for (long j = 0; j < 3; j++) {
              long iy = pixel(ty, phase >> 1, i), ix = pixel(tx, phase & 1, j);
              int inside = iy >= 0 && iy < height && ix >= 0 && ix < width;
              p[i][j] = inside ? x + (iy * width + ix) * channels : sink;
            }
          }
          CK_BLOCKS(c, k, channels) {
            vec r[3][3];
            for (int j = 0; j < 3; j++) {
              vec v0 = LOAD(v + j * component + c, k), v1 = LOAD(v + (3 + j) * component + c, k),
                  v2 = LOAD(v + (6 + j) * component + c, k);
              r[0][j] = v0;
              r[1][j] = v1 - v0 - v2;
              r[2][j] = v2;
            }
            for (int i = 0; i < 3; i++) {
              STORE(p[i][0] + c, LOAD(p[i][0] + c, k) + r[i][0], k);
              STORE(p[i][1] + c, LOAD(p[i][1] + c, k) + (r[i][1] - r[i][0] - r[i][2]), k);
              STORE(p[i][2] + c, LOAD(p[i][2] + c, k) + r[i][2], k);
            }
          }
        }
      }
    }
  }
}

CK_HOT void ck_winograd_output(
  float *y, const float *m, long images, long rows, long cols, long features) {
  long down = rows / 2, across = cols / 2, component = images * down * across * features;
  for (long image = 0; image < images; image++, y += rows * cols * features) {
    for (long ty = 0; ty < down; ty++) {
      for (long tx = 0; tx < across; tx++, m += features) {
        float *top = y + (2 * ty * cols + 2 * tx) * features, *bottom = top + cols * features;
        CK_BLOCKS(f, k, features) {
          vec s[2][3];
          for (int j = 0; j < 3; j++) {
            vec m0 = LOAD(m + j * component + f, k), m1 = LOAD(m + (3 + j) * component + f, k),
                m2 = LOAD(m + (6 + j) * component + f, k);
            s[0][j] = m0 + m1;
            s[1][j] = m1 + m2;
          }
          STORE(top + f, s[0][0] + s[0][1], k);
          STORE(top + features + f, s[0][1] + s[0][2], k);
          STORE(bottom + f, s[1][0] + s[1][1], k);
          STORE(bottom + features + f, s[1][1] + s[1][2], k);
        }
      }
    }
  }
}

CK_HOT void ck_winograd_output_adjoint(
  float *m, const float *y, long images, long rows, long cols, long features) {
  long down = rows / 2, across = cols / 2, component = images * down * across * features;
  for (long image = 0; image < images; image++, y += rows * cols * features) {
    for (long ty = 0; ty < down; ty++) {
      for (long tx = 0; tx < across; tx++, m += features) {
        const float *top = y + (2 * ty * cols + 2 * tx) * features;
        const float *bottom = top + cols * features;
        CK_BLOCKS(f, k, features) {
          vec a = LOAD(top + f, k), b = LOAD(top + features + f, k);
          vec c = LOAD(bottom + f, k), d = LOAD(bottom + features + f, k);
          vec left = a + c, right = b + d;
          STORE(m + f, a, k);
          STORE(m + component + f, a + b, k);
          STORE(m + 2 * component + f, b, k);
          STORE(m + 3 * component + f, left, k);
          STORE(m + 4 * component + f, left + right, k);
          STORE(m + 5 * component + f, right, k);
          STORE(m + 6 * component + f, c, k);
          STORE(m + 7 * component + f, c + d, k);
          STORE(m + 8 * component + f, d, k);
        }
      }
    }
  }
}

/// The two taps, along one axis, of a phase: w1, w3 of the even pixels, w0, w2 of the odd ones.
CK_INLINE long tap(long odd, long i) { return 2 * i + 1 - odd; }

CK_HOT void ck_winograd_weights(float *u, const float *w, long channels, long features) {
  long n = channels * features, component = 4 * n;
  for (long phase = 0; phase < 4; phase++, u += n) {
    const float *g[2][2];
    for (long i = 0; i < 2; i++)
      for (long j = 0; j < 2; j++) g[i][j] = w + (tap(phase >> 1, i) * 4 + tap(phase & 1, j)) * n;
    CK_BLOCKS(e, k, n) {
      vec a = LOAD(g[0][0] + e, k), b = LOAD(g[0][1] + e, k);
      vec c = LOAD(g[1][0] + e, k), d = LOAD(g[1][1] + e, k);
      vec left = a + c, right = b + d;
      STORE(u + e, a, k);
      STORE(u + component + e, a + b, k);
      STORE(u + 2 * component + e, b, k);
      STORE(u + 3 * component + e, left, k);
      STORE(u + 4 * component + e, left + right, k);
      STORE(u + 5 * component + e, right, k);
      STORE(u + 6 * component + e, c, k);
      STORE(u + 7 * component + e, c + d, k);
      STORE(u + 8 * component + e, d, k);
    }
  }
}

CK_HOT void ck_winograd_weights_adjoint(
  float *w, const float *u, long channels, long features, int accumulate) {
  long n = channels * features, component = 4 * n;
  for (long phase = 0; phase < 4; phase++, u += n) {
    float *g[2][2];
    for (long i = 0; i < 2; i++)
      for (long j = 0; j < 2; j++) g[i][j] = w + (tap(phase >> 1, i) * 4 + tap(phase & 1, j)) * n;
    CK_BLOCKS(e, k, n) {
      vec s[2][3];
      for (int j = 0; j < 3; j++) {
        vec u0 = LOAD(u + j * component + e, k), u1 = LOAD(u + (3 + j) * component + e, k),
            u2 = LOAD(u + (6 + j) * component + e, k);
        s[0][j] = u0 + u1;
        s[1][j] = u1 + u2;
      }
      for (int i = 0; i < 2; i++) {
        vec first = s[i][0] + s[i][1], second = s[i][1] + s[i][2];
        if (accumulate) {
          first = first + LOAD(g[i][0] + e, k);
          second = second + LOAD(g[i][1] + e, k);
        }
        STORE(g[i][0] + e, first, k);
        STORE(g[i][1] + e, second, k);
      }
    }
  }
}
