// Rows, each normalized by its own statistics.
// Part of kernels_body.h, which see.

// Up to LANES rows stay in the first cache while their statistics are finished together.
static inline long NAME(rows_together)(long channels) { return channels <= 256 ? LANES : channels <= 1024 ? 4 : 1; }

// Four floats each of four rows, one after another.
static inline __attribute__((always_inline)) vf NAME(quads)(
    const float *p, const float *q, const float *r, const float *s) {
  __auto_type a = __builtin_shufflevector(*(const vq *)p, *(const vq *)q, 0, 1, 2, 3, 4, 5, 6, 7);
  __auto_type b = __builtin_shufflevector(*(const vq *)r, *(const vq *)s, 0, 1, 2, 3, 4, 5, 6, 7);
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

// The columns of LANES rows, each as one vector.
static inline __attribute__((always_inline)) void NAME(gather_columns)(const float *x, long channels, float *columns) {
#define QUARTERS(i, j, k, l) i, j, k, l, i + 4, j + 4, k + 4, l + 4, i + 8, j + 8, k + 8, l + 8, i + 12, j + 12, k + 12, l + 12
  const long far = 4 * channels;
  long c = 0;
  for (; c + 4 <= channels; c += 4) {
    vf v[4], low[2], high[2];
    for (int i = 0; i < 4; i++) {
      const float *p = x + c + i * channels;
      v[i] = NAME(quads)(p, p + far, p + 2 * far, p + 3 * far);
    }
    // In each quarter four rows of four become four columns.
    for (int i = 0; i < 2; i++) {
      low[i] = __builtin_shufflevector(v[2 * i], v[2 * i + 1], QUARTERS(0, 16, 1, 17));
      high[i] = __builtin_shufflevector(v[2 * i], v[2 * i + 1], QUARTERS(2, 18, 3, 19));
    }
    NAME(store)(columns + c * LANES, __builtin_shufflevector(low[0], low[1], QUARTERS(0, 1, 16, 17)));
    NAME(store)(columns + (c + 1) * LANES, __builtin_shufflevector(low[0], low[1], QUARTERS(2, 3, 18, 19)));
    NAME(store)(columns + (c + 2) * LANES, __builtin_shufflevector(high[0], high[1], QUARTERS(0, 1, 16, 17)));
    NAME(store)(columns + (c + 3) * LANES, __builtin_shufflevector(high[0], high[1], QUARTERS(2, 3, 18, 19)));
  }
  for (; c < channels; c++) {
    for (long r = 0; r < LANES; r++) columns[c * LANES + r] = x[r * channels + c];
  }
#undef QUARTERS
}

// The sums of up to LANES rows of at most NORMA_BLOCK values: their columns are rows of a batch whose channels they are.
static inline __attribute__((always_inline)) void NAME(short_row_moments)(
    const float *x, long rows, long channels, float *base, double *sums, double *squares) {
  float columns[NORMA_BLOCK * LANES], padded[NORMA_BLOCK * LANES], sum[LANES], square[LANES];
  if (rows < LANES) {
    for (long i = 0; i < LANES; i++) {
      __builtin_memcpy(padded + i * channels, x + (i < rows ? i : 0) * channels, (size_t)channels * sizeof(float));
    }
    x = padded;
  }
  NAME(gather_columns)(x, channels, columns);
  NAME(strip_moments)(columns, LANES, channels, 1, base, sum, square);
  for (int i = 0; i < LANES; i++) {
    sums[i] = sum[i];
    squares[i] = square[i];
  }
}

// The sum of the squares of one row's values, in the order in which run_moments sums.
static inline double NAME(run_squares)(const float *x, long count) {
  double total = 0;
  for (long start = 0; start < count; start += NORMA_PLANE_BLOCK) {
    const float *p = x + start;
    const long n = count - start < NORMA_PLANE_BLOCK ? count - start : NORMA_PLANE_BLOCK;
    vf q[4] = {{0}};
    double sum = 0;
    long i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
      for (int j = 0; j < 4; j++) {
        vf v = NAME(load)(p + i + j * LANES);
        q[j] += v * v;
      }
    }
    for (int j = 0; j < 3 && i + LANES <= n; i += LANES, j++) {
      vf v = NAME(load)(p + i);
      q[j] += v * v;
    }
    if (n >= LANES) sum = NAME(sum_lanes)((q[0] + q[1]) + (q[2] + q[3]));
    for (; i < n; i++) sum += p[i] * p[i];
    total += sum;
  }
  return total;
}

// y = ((x - pivot) * scale + shift) * gamma + beta for one row.
static inline __attribute__((always_inline)) void NAME(layer_apply)(
    const float *p, float *r, long channels, float pivot, float scale, float shift, const float *gamma,
    const float *beta, bool streams) {
  long c = 0;
  for (long lead = NAME(lead)(r, channels, streams); c < lead; c++) {
    r[c] = ((p[c] - pivot) * scale + shift) * gamma[c] + beta[c];
  }
  while (c + (streams || channels < LANES ? LANES : 1) <= channels) {
    // The last vector overlaps with the one before it, and computes the same values again.
    if (c + LANES > channels) c = channels - LANES;
    vf v = (NAME(load)(p + c) - pivot) * scale + shift;
    NAME(put)(r + c, v * NAME(load)(gamma + c) + NAME(load)(beta + c), streams);
    c += LANES;
  }
  for (; c < channels; c++) r[c] = ((p[c] - pivot) * scale + shift) * gamma[c] + beta[c];
}

static inline __attribute__((always_inline)) bool NAME(layers_normalize)(
    const float *x, float *y, long rows, long channels, const float *gamma, const float *beta, double epsilon,
    double *mean, double *reciprocal, bool streams) {
  const bool isShort = channels <= NORMA_BLOCK;
  const long together = NAME(rows_together)(channels);
  float base[LANES], pivot[LANES], scale[LANES], shift[LANES];
  double sums[LANES], squares[LANES], second[LANES];
  bool ordinary = true;
  for (long row = 0; row < rows; row += together) {
    const long count = rows - row < together ? rows - row : together;
    const float *p = x + row * channels;
    float *r = y + row * channels;
    if (!mean) {
      for (long i = 0; i < count; i++) {
        const double share = NAME(run_squares)(p + i * channels, channels) / (double)channels;
        const double a = reciprocal[row + i] = 1 / __builtin_elementwise_sqrt(share + epsilon);
        ordinary &= IS_ORDINARY(a);
        pivot[i] = shift[i] = 0;
        scale[i] = (float)a;
      }
    } else if (isShort) {
      NAME(short_row_moments)(p, count, channels, base, sums, squares);
    } else {
      for (long i = 0; i < count; i++) {
        sums[i] = squares[i] = 0;
        NAME(run_moments)(p + i * channels, channels, true, base + i, sums + i, squares + i);
      }
    }
    if (mean) {
      NAME(finish)(base, sums, squares, count, (double)channels, epsilon, NULL, NULL, mean + row, second,
                   reciprocal + row, pivot, scale, shift);
      for (long i = 0; i < count; i++) ordinary &= IS_ORDINARY(reciprocal[row + i]);
    }
    for (long i = 0; i < count; i++) {
      NAME(layer_apply)(p + i * channels, r + i * channels, channels, pivot[i], scale[i], shift[i], gamma, beta, streams);
    }
  }
  return ordinary;
}

// y = x^ * gamma + beta, x^ being a row of x brought to mean 0 and variance 1. Writes each row's mean and 1 / s. Whether every
// row is ordinary. Without `mean` no mean is subtracted, and s is the root of the mean square: RMS normalization.
static bool NAME(layer_normalize)(
    const float *x, float *y, long rows, long channels, const float *gamma, const float *beta, double epsilon,
    double *mean, double *reciprocal, bool streams) {
  if (streams) return NAME(layers_normalize)(x, y, rows, channels, gamma, beta, epsilon, mean, reciprocal, true);
  return NAME(layers_normalize)(x, y, rows, channels, gamma, beta, epsilon, mean, reciprocal, false);
}

// Adds one vector of x^ and of g to what is summed of them: g x^ and g of a channel, h = g * gamma and h x^ of a row.
static inline __attribute__((always_inline)) void NAME(add_layer_gradient)(
    vf normalized, vf g, vf gamma, float *gammaPart, float *betaPart, vf *sum, vf *product) {
  NAME(store)(gammaPart, NAME(load)(gammaPart) + g * normalized);
  NAME(store)(betaPart, NAME(load)(betaPart) + g);
  vf h = g * gamma;
  *sum += h;
  *product += h * normalized;
}

// The sums of h and of h x^ over one row; adds the row's g x^ and g to the parts of gamma's and beta's gradients.
static inline __attribute__((always_inline)) void NAME(layer_gradient_sums)(
    const float *gp, const float *p, long channels, float pivot, float scale, float shift, const float *gamma,
    float *gammaPart, float *betaPart, double *sum, double *product) {
  vf s[2] = {{0}}, q[2] = {{0}};
  long c = 0;
#define NORMALIZED(at) ((NAME(load)(p + (at)) - pivot) * scale + shift)
#define ADD(at, j, KEPT) \
  NAME(add_layer_gradient)( \
      KEPT(NORMALIZED(at)), KEPT(NAME(load)(gp + (at))), KEPT(NAME(load)(gamma + (at))), gammaPart + (at), \
      betaPart + (at), s + (j), q + (j))
#define ALL(v) (v)
#define LAST(v) NAME(keep_last)(v, left)
  for (; c + 2 * LANES <= channels; c += 2 * LANES) {
    ADD(c, 0, ALL);
    ADD(c + LANES, 1, ALL);
  }
  if (c + LANES <= channels) {
    ADD(c, 0, ALL);
    c += LANES;
  }
  if (c < channels && channels >= LANES) {
    const long at = channels - LANES, left = channels - c;
    ADD(at, 1, LAST);
    c = channels;
  }
#undef LAST
#undef ALL
#undef ADD
#undef NORMALIZED
  *sum = NAME(sum_lanes)(s[0] + s[1]);
  *product = NAME(sum_lanes)(q[0] + q[1]);
  for (; c < channels; c++) {
    float v = (p[c] - pivot) * scale + shift, h = gp[c];
    gammaPart[c] += h * v;
    betaPart[c] += h;
    h *= gamma[c];
    *sum += h;
    *product += h * v;
  }
}

// dx = (h - mean(h) - x^ mean(h x^)) / s for one row.
static inline __attribute__((always_inline)) void NAME(layer_input_gradient)(
    const float *gp, const float *p, float *r, long channels, float pivot, float scale, float shift,
    const float *gamma, float sum, float product, bool streams) {
#define ONE(c) (((gp[c] * gamma[c] - sum) - ((p[c] - pivot) * scale + shift) * product) * scale)
  long c = 0;
  for (long lead = NAME(lead)(r, channels, streams); c < lead; c++) r[c] = ONE(c);
  while (c + (streams || channels < LANES ? LANES : 1) <= channels) {
    // The last vector overlaps with the one before it, and computes the same values again.
    if (c + LANES > channels) c = channels - LANES;
    vf v = (NAME(load)(p + c) - pivot) * scale + shift;
    vf h = NAME(load)(gp + c) * NAME(load)(gamma + c);
    NAME(put)(r + c, ((h - sum) - v * product) * scale, streams);
    c += LANES;
  }
  for (; c < channels; c++) r[c] = ONE(c);
#undef ONE
}

static inline __attribute__((always_inline)) void NAME(layers_gradient)(
    const float *g, const float *x, float *dx, long rows, long channels, const float *gamma, const double *mean,
    const double *reciprocal, double *gammaSums, double *betaSums, float *scratch, bool begins, bool ends, bool streams) {
  float *gammaPart = scratch, *betaPart = scratch + channels;
  const double share = 1 / (double)channels;
  const long together = NAME(rows_together)(2 * channels);
  float pivot[LANES], scale[LANES], shift[LANES];
  double sum[LANES], product[LANES];
  for (long c = 0; c < channels && begins; c++) gammaPart[c] = betaPart[c] = 0;
  for (long row = 0; row < rows; row += together) {
    const long count = rows - row < together ? rows - row : together;
    const float *gp = g + row * channels, *p = x + row * channels;
    float *r = dx + row * channels;
    for (long i = 0; i < count; i++) {
      double m = mean ? mean[row + i] : 0, a = reciprocal[row + i];
      pivot[i] = (float)m;
      scale[i] = (float)a;
      // As in the forward pass, with the same sign of a zero.
      shift[i] = mean ? (float)(0.0 - (m - (double)pivot[i]) * a) : 0;
    }
    for (long i = 0; i < count; i++) {
      NAME(layer_gradient_sums)(gp + i * channels, p + i * channels, channels, pivot[i], scale[i], shift[i], gamma,
                                gammaPart, betaPart, sum + i, product + i);
    }
    for (long i = 0; i < count; i++) {
      const float *gi = gp + i * channels, *pi = p + i * channels;
      const float meanSum = mean ? (float)(sum[i] * share) : 0, meanProduct = (float)(product[i] * share);
      NAME(layer_input_gradient)(gi, pi, r + i * channels, channels, pivot[i], scale[i], shift[i], gamma, meanSum,
                                 meanProduct, streams);
    }
  }
  for (long c = 0; c < channels && ends; c++) {
    gammaSums[c] += gammaPart[c];
    betaSums[c] += betaPart[c];
  }
}

// The gradients of up to NORMA_BLOCK rows' layer normalization, or without `mean` of their RMS normalization. Adds to the sums for gamma
// and beta, whose floats `scratch` has room for: 2 * channels. Rows may come in several calls, of which the first begins and the last
// ends the sums, and `scratch` is handed on.
static void NAME(layer_gradient)(
    const float *g, const float *x, float *dx, long rows, long channels, const float *gamma, const double *mean,
    const double *reciprocal, double *gammaSums, double *betaSums, float *scratch, bool begins, bool ends, bool streams) {
#define CALL(S) \
  NAME(layers_gradient)( \
      g, x, dx, rows, channels, gamma, mean, reciprocal, gammaSums, betaSums, scratch, begins, ends, S)
  if (streams) CALL(true); else CALL(false);
#undef CALL
}
