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

// The columns of up to LANES rows, each as one vector; lanes beyond the last row repeat it.
static inline __attribute__((always_inline)) void NAME(gather_columns)(
    const float *x, long rows, long channels, float *columns) {
#define ROW(r) (x + ((r) < rows ? (r) : rows - 1) * channels + c)
#define QUARTERS(i, j, k, l) i, j, k, l, i + 4, j + 4, k + 4, l + 4, i + 8, j + 8, k + 8, l + 8, i + 12, j + 12, k + 12, l + 12
  long c = 0;
  for (; c + 4 <= channels; c += 4) {
    vf v[4], low[2], high[2];
    for (int i = 0; i < 4; i++) v[i] = NAME(quads)(ROW(i), ROW(i + 4), ROW(i + 8), ROW(i + 12));
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
    for (long r = 0; r < LANES; r++) columns[c * LANES + r] = *ROW(r);
  }
#undef QUARTERS
#undef ROW
}

// The sums of up to LANES rows of at most NORMA_BLOCK values: their columns are rows of a batch whose channels they are.
static inline __attribute__((always_inline)) void NAME(short_row_moments)(
    const float *x, long rows, long channels, float *base, double *sums, double *squares) {
  float columns[NORMA_BLOCK * LANES], sum[LANES], square[LANES];
  if (rows == LANES) NAME(gather_columns)(x, LANES, channels, columns);
  else NAME(gather_columns)(x, rows, channels, columns);
  NAME(strip_moments)(columns, LANES, channels, 1, base, sum, square);
  for (int i = 0; i < LANES; i++) {
    sums[i] = sum[i];
    squares[i] = square[i];
  }
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

static inline __attribute__((always_inline)) void NAME(layers_normalize)(
    const float *x, float *y, long rows, long channels, const float *gamma, const float *beta, double epsilon,
    double *mean, double *reciprocal, bool streams) {
  const bool isShort = channels <= NORMA_BLOCK;
  const long together = NAME(rows_together)(channels);
  float base[LANES], pivot[LANES], scale[LANES], shift[LANES];
  double sums[LANES], squares[LANES], second[LANES];
  float results[NORMA_BLOCK * LANES];
  for (long row = 0; row < rows; row += together) {
    const long count = rows - row < together ? rows - row : together;
    const float *p = x + row * channels;
    float *r = y + row * channels;
    if (isShort) {
      NAME(short_row_moments)(p, count, channels, base, sums, squares);
    } else {
      for (long i = 0; i < count; i++) {
        sums[i] = squares[i] = 0;
        NAME(run_moments)(p + i * channels, channels, true, base + i, sums + i, squares + i);
      }
    }
    NAME(finish_moments)(base, sums, squares, count, (double)channels, epsilon, NULL, NULL, mean + row, second,
                         reciprocal + row, pivot, scale, shift);
    // Short rows do not fill lines, but LANES of them do.
    const bool gathers = streams && isShort && count == LANES;
    for (long i = 0; i < count; i++) {
      const float *source = p + i * channels;
      if (isShort) {
        NAME(layer_apply)(source, (gathers ? results : r) + i * channels, channels, pivot[i], scale[i], shift[i], gamma,
                          beta, false);
      } else {
        NAME(layer_apply)(source, r + i * channels, channels, pivot[i], scale[i], shift[i], gamma, beta, streams);
      }
    }
    if (gathers) {
      for (long i = 0; i < channels; i++) NAME(put)(r + i * LANES, NAME(load)(results + i * LANES), true);
    }
  }
}

// y = x^ * gamma + beta, x^ being a row of x brought to mean 0 and variance 1. Writes each row's mean and 1 / s. Where it
// streams, y is aligned to 64 bytes if the rows are short, and to a float otherwise.
void NAME(layer_normalize)(
    const float *x, float *y, long rows, long channels, const float *gamma, const float *beta, double epsilon,
    double *mean, double *reciprocal, bool streams) {
  if (streams) NAME(layers_normalize)(x, y, rows, channels, gamma, beta, epsilon, mean, reciprocal, true);
  else NAME(layers_normalize)(x, y, rows, channels, gamma, beta, epsilon, mean, reciprocal, false);
}

static inline __attribute__((always_inline)) void NAME(layers_gradient)(
    const float *g, const float *x, float *dx, long rows, long channels, const float *gamma, const double *mean,
    const double *reciprocal, double *gammaSums, double *betaSums, float *scratch, bool streams) {
  float *gammaPart = scratch, *betaPart = scratch + channels;
  const double share = 1 / (double)channels;
  for (long c = 0; c < channels; c++) gammaPart[c] = betaPart[c] = 0;
  for (long row = 0; row < rows; row++) {
    const float *p = x + row * channels, *gp = g + row * channels;
    float *r = dx + row * channels;
    float k = (float)mean[row], a = (float)reciprocal[row];
    float t = (float)(-(mean[row] - (double)k) * reciprocal[row]);
    vf s[2] = {{0}}, q[2] = {{0}};
    long c = 0;
    for (int j = 0; c + LANES <= channels; c += LANES, j ^= 1) {
      vf v = (NAME(load)(p + c) - k) * a + t, h = NAME(load)(gp + c);
      NAME(store)(gammaPart + c, NAME(load)(gammaPart + c) + h * v);
      NAME(store)(betaPart + c, NAME(load)(betaPart + c) + h);
      h *= NAME(load)(gamma + c);
      s[j] += h;
      q[j] += h * v;
    }
    double sum = NAME(sum_lanes)(s[0] + s[1]), product = NAME(sum_lanes)(q[0] + q[1]);
    for (; c < channels; c++) {
      float v = (p[c] - k) * a + t, h = gp[c];
      gammaPart[c] += h * v;
      betaPart[c] += h;
      h *= gamma[c];
      sum += h;
      product += h * v;
    }
    float meanSum = (float)(sum * share), meanProduct = (float)(product * share);
#define ONE(c) (((gp[c] * gamma[c] - meanSum) - ((p[c] - k) * a + t) * meanProduct) * a)
    c = 0;
    for (long lead = NAME(lead)(r, channels, streams); c < lead; c++) r[c] = ONE(c);
    for (; c + LANES <= channels; c += LANES) {
      vf v = (NAME(load)(p + c) - k) * a + t;
      vf h = NAME(load)(gp + c) * NAME(load)(gamma + c);
      NAME(put)(r + c, ((h - meanSum) - v * meanProduct) * a, streams);
    }
    for (; c < channels; c++) r[c] = ONE(c);
#undef ONE
  }
  for (long c = 0; c < channels; c++) {
    gammaSums[c] += gammaPart[c];
    betaSums[c] += betaPart[c];
  }
}

// The gradients of up to NORMA_BLOCK rows' layer normalization. Adds to the sums for gamma and beta, whose floats
// `scratch` has room for: 2 * channels.
void NAME(layer_gradient)(
    const float *g, const float *x, float *dx, long rows, long channels, const float *gamma, const double *mean,
    const double *reciprocal, double *gammaSums, double *betaSums, float *scratch, bool streams) {
#define CALL(S) \
  NAME(layers_gradient)(g, x, dx, rows, channels, gamma, mean, reciprocal, gammaSums, betaSums, scratch, S)
  if (streams) CALL(true); else CALL(false);
#undef CALL
}
