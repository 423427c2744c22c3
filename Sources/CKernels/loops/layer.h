// Rows, each normalized by its own statistics.
// Part of kernels_body.h, which includes it for each type of what is read and written: see stored.h. Of half width are rows of more
// than NORMA_BLOCK values alone, or those without a mean.

// y = ((x - pivot) * scale + shift) * gamma + beta for one row.
static inline __attribute__((always_inline)) void OF(layer_apply)(
    const STORED *p, STORED *r, long channels, float pivot, float scale, float shift, const float *gamma,
    const float *beta, bool streams) {
  long c = 0;
  for (long lead = OF(lead)(r, channels, streams); c < lead; c++) {
    r[c] = ROUNDED(((VALUE(p[c]) - pivot) * scale + shift) * gamma[c] + beta[c]);
  }
#define LINE(at) (((TAKE(p + (at)) - pivot) * scale + shift) * NAME(load)(gamma + (at)) + NAME(load)(beta + (at)))
  for (; c + 2 * LANES <= channels; c += 2 * LANES) OF(put_pair)(r + c, LINE(c), LINE(c + LANES), streams);
  while (c + (streams || channels < LANES ? LANES : 1) <= channels) {
    // The last vector overlaps with the one before it, and computes the same values again.
    if (c + LANES > channels) c = channels - LANES;
    OF(put)(r + c, LINE(c), streams);
    c += LANES;
  }
#undef LINE
  for (; c < channels; c++) r[c] = ROUNDED(((VALUE(p[c]) - pivot) * scale + shift) * gamma[c] + beta[c]);
}

static inline __attribute__((always_inline)) bool OF(layers_normalize)(
    const STORED *x, STORED *y, long rows, long channels, const float *gamma, const float *beta, double epsilon,
    double *mean, double *reciprocal, bool streams) {
#ifdef IS_FULL
  const bool isShort = channels <= NORMA_BLOCK;
#endif
  const long together = NAME(rows_together)(channels);
  float base[LANES], pivot[LANES], scale[LANES], shift[LANES];
  double sums[LANES], squares[LANES], second[LANES];
  bool ordinary = true;
  for (long row = 0; row < rows; row += together) {
    const long count = rows - row < together ? rows - row : together;
    const STORED *p = x + row * channels;
    STORED *r = y + row * channels;
    if (!mean) {
      for (long i = 0; i < count; i++) {
        const double share = OF(run_squares)(p + i * channels, channels) / (double)channels;
        const double a = reciprocal[row + i] = 1 / __builtin_elementwise_sqrt(share + epsilon);
        ordinary &= IS_ORDINARY(a);
        pivot[i] = shift[i] = 0;
        scale[i] = (float)a;
      }
#ifdef IS_FULL
    } else if (isShort) {
      NAME(short_row_moments)(p, count, channels, base, sums, squares);
#endif
    } else {
      for (long i = 0; i < count; i++) {
        sums[i] = squares[i] = 0;
        OF(run_moments)(p + i * channels, channels, true, base + i, sums + i, squares + i);
      }
    }
    if (mean) {
      NAME(finish)(base, sums, squares, count, (double)channels, epsilon, NULL, NULL, mean + row, second,
                   reciprocal + row, pivot, scale, shift);
      for (long i = 0; i < count; i++) ordinary &= IS_ORDINARY(reciprocal[row + i]);
    }
    for (long i = 0; i < count; i++) {
      OF(layer_apply)(p + i * channels, r + i * channels, channels, pivot[i], scale[i], shift[i], gamma, beta, streams);
    }
  }
  return ordinary;
}

// y = x^ * gamma + beta, x^ being a row of x brought to mean 0 and variance 1. Writes each row's mean and 1 / s. Whether every
// row is ordinary. Without `mean` no mean is subtracted, and s is the root of the mean square: RMS normalization.
static bool OF(layer_normalize)(
    const STORED *x, STORED *y, long rows, long channels, const float *gamma, const float *beta, double epsilon,
    double *mean, double *reciprocal, bool streams) {
  if (streams) return OF(layers_normalize)(x, y, rows, channels, gamma, beta, epsilon, mean, reciprocal, true);
  return OF(layers_normalize)(x, y, rows, channels, gamma, beta, epsilon, mean, reciprocal, false);
}

// The sums of h and of h x^ over one row; adds the row's g x^ and g to the parts of gamma's and beta's gradients.
static inline __attribute__((always_inline)) void OF(layer_gradient_sums)(
    const STORED *gp, const STORED *p, long channels, float pivot, float scale, float shift, const float *gamma,
    float *gammaPart, float *betaPart, double *sum, double *product) {
  vf s[2] = {{0}}, q[2] = {{0}};
  long c = 0;
#define NORMALIZED(at) ((TAKE(p + (at)) - pivot) * scale + shift)
#define ADD(at, j, KEPT) \
  NAME(add_layer_gradient)( \
      KEPT(NORMALIZED(at)), KEPT(TAKE(gp + (at))), KEPT(NAME(load)(gamma + (at))), gammaPart + (at), \
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
    float v = (VALUE(p[c]) - pivot) * scale + shift, h = VALUE(gp[c]);
    gammaPart[c] += h * v;
    betaPart[c] += h;
    h *= gamma[c];
    *sum += h;
    *product += h * v;
  }
}

// dx = (h - mean(h) - x^ mean(h x^)) / s for one row.
static inline __attribute__((always_inline)) void OF(layer_input_gradient)(
    const STORED *gp, const STORED *p, STORED *r, long channels, float pivot, float scale, float shift,
    const float *gamma, float sum, float product, bool streams) {
#define ONE(c) \
  ROUNDED(((VALUE(gp[c]) * gamma[c] - sum) - ((VALUE(p[c]) - pivot) * scale + shift) * product) * scale)
  long c = 0;
  for (long lead = OF(lead)(r, channels, streams); c < lead; c++) r[c] = ONE(c);
#define LINE(at) \
  (((TAKE(gp + (at)) * NAME(load)(gamma + (at)) - sum) - ((TAKE(p + (at)) - pivot) * scale + shift) * product) * scale)
  for (; c + 2 * LANES <= channels; c += 2 * LANES) OF(put_pair)(r + c, LINE(c), LINE(c + LANES), streams);
  while (c + (streams || channels < LANES ? LANES : 1) <= channels) {
    // The last vector overlaps with the one before it, and computes the same values again.
    if (c + LANES > channels) c = channels - LANES;
    OF(put)(r + c, LINE(c), streams);
    c += LANES;
  }
#undef LINE
  for (; c < channels; c++) r[c] = ONE(c);
#undef ONE
}

static inline __attribute__((always_inline)) void OF(layers_gradient)(
    const STORED *g, const STORED *x, STORED *dx, long rows, long channels, const float *gamma, const double *mean,
    const double *reciprocal, double *gammaSums, double *betaSums, float *scratch, bool begins, bool ends, bool streams) {
  float *gammaPart = scratch, *betaPart = scratch + channels;
  const double share = 1 / (double)channels;
  const long together = NAME(rows_together)(2 * channels);
  float pivot[LANES], scale[LANES], shift[LANES];
  double sum[LANES], product[LANES];
  for (long c = 0; c < channels && begins; c++) gammaPart[c] = betaPart[c] = 0;
  for (long row = 0; row < rows; row += together) {
    const long count = rows - row < together ? rows - row : together;
    const STORED *gp = g + row * channels, *p = x + row * channels;
    STORED *r = dx + row * channels;
    for (long i = 0; i < count; i++) {
      double m = mean ? mean[row + i] : 0, a = reciprocal[row + i];
      pivot[i] = (float)m;
      scale[i] = (float)a;
      // As in the forward pass, with the same sign of a zero.
      shift[i] = mean ? (float)(0.0 - (m - (double)pivot[i]) * a) : 0;
    }
    for (long i = 0; i < count; i++) {
      OF(layer_gradient_sums)(gp + i * channels, p + i * channels, channels, pivot[i], scale[i], shift[i], gamma,
                                gammaPart, betaPart, sum + i, product + i);
    }
    for (long i = 0; i < count; i++) {
      const STORED *gi = gp + i * channels, *pi = p + i * channels;
      const float meanSum = mean ? (float)(sum[i] * share) : 0, meanProduct = (float)(product[i] * share);
      OF(layer_input_gradient)(gi, pi, r + i * channels, channels, pivot[i], scale[i], shift[i], gamma, meanSum,
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
static void OF(layer_gradient)(
    const STORED *g, const STORED *x, STORED *dx, long rows, long channels, const float *gamma, const double *mean,
    const double *reciprocal, double *gammaSums, double *betaSums, float *scratch, bool begins, bool ends, bool streams) {
#define CALL(S) \
  OF(layers_gradient)( \
      g, x, dx, rows, channels, gamma, mean, reciprocal, gammaSums, betaSums, scratch, begins, ends, S)
  if (streams) CALL(true); else CALL(false);
#undef CALL
}
