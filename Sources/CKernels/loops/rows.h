// Rows by channels: the sums run down the rows, one for each channel.
// Part of kernels_body.h, which see.

// The pivots and pivoted sums of up to 64 rows, for one strip of `vectors` vectors.
static inline __attribute__((always_inline)) void NAME(strip_moments)(
    const float *x, long stride, long rows, long vectors, float *pivot, float *sum, float *square) {
  vf k[STRIP], s[STRIP], q[STRIP];
  for (long i = 0; i < vectors; i++) {
    const float *p = x + i * LANES;
    if (rows >= 8) {
      // A tree, so that eight equal values give that value exactly.
      vf a = NAME(load)(p) + NAME(load)(p + stride), b = NAME(load)(p + 2 * stride) + NAME(load)(p + 3 * stride);
      vf c = NAME(load)(p + 4 * stride) + NAME(load)(p + 5 * stride);
      vf d = NAME(load)(p + 6 * stride) + NAME(load)(p + 7 * stride);
      k[i] = ((a + b) + (c + d)) * 0.125f;
    } else {
      k[i] = NAME(load)(p);
    }
    s[i] = q[i] = (vf){0};
  }
  for (long row = 0; row < rows; row++) {
    const float *p = x + row * stride;
    for (long i = 0; i < vectors; i++) {
      vf d = NAME(load)(p + i * LANES) - k[i];
      s[i] += d;
      q[i] += d * d;
    }
  }
  for (long i = 0; i < vectors; i++) {
    NAME(store)(pivot + i * LANES, k[i]);
    NAME(store)(sum + i * LANES, s[i]);
    NAME(store)(square + i * LANES, q[i]);
  }
}

// Calls a strip kernel for every strip of a width of at least LANES; the last strip overlaps the one before it, and
// computes the same values again.
#define FOR_STRIPS(width, CALL)                                  \
  do {                                                           \
    long at = 0;                                                 \
    for (; at + STRIP * LANES <= (width); at += STRIP * LANES) { \
      const long vectors = STRIP;                                \
      CALL;                                                      \
    }                                                            \
    for (; at + LANES <= (width); at += LANES) {                 \
      const long vectors = 1;                                    \
      CALL;                                                      \
    }                                                            \
    if (at < (width)) {                                          \
      const long vectors = 1;                                    \
      at = (width) - LANES;                                      \
      CALL;                                                      \
    }                                                            \
  } while (0)

// Adds n values' sums around `pivot` to sums around `base`, in double precision: with e = pivot - base,
// S += s + n e and Q += q + 2 e s + n e^2.
static inline void NAME(add_moments)(
    const float *restrict pivot, const float *restrict sum, const float *restrict square, const float *restrict base,
    long width, double n, double *restrict sums, double *restrict squares) {
  for (long c = 0; c < width; c++) {
    double e = (double)pivot[c] - (double)base[c], s = sum[c];
    sums[c] += s + n * e;
    squares[c] += (square[c] + 2 * e * s) + (n * e) * e;
  }
}

// Sums of x - base and of its square over `rows` rows of at least LANES channels. `base`, `sums` and `squares` are
// written; `scratch` has room for 3 * width floats.
void NAME(row_moments)(
    const float *x, long stride, long rows, long width, float *base, double *sums, double *squares, float *scratch) {
  float *pivot = scratch, *sum = scratch + width, *square = scratch + 2 * width;
  for (long c = 0; c < width; c++) sums[c] = squares[c] = 0;
  for (long row = 0; row < rows; row += NORMA_BLOCK) {
    long count = rows - row < NORMA_BLOCK ? rows - row : NORMA_BLOCK;
    const float *p = x + row * stride;
    FOR_STRIPS(width, NAME(strip_moments)(p + at, stride, count, vectors, pivot + at, sum + at, square + at));
    if (row == 0) __builtin_memcpy(base, pivot, (size_t)width * sizeof(float));
    NAME(add_moments)(pivot, sum, square, base, width, (double)count, sums, squares);
  }
}

// y = (x - pivot) * scale + shift, and ReLU.
static inline __attribute__((always_inline)) void NAME(rows_apply)(
    const float *x, float *y, long stride, long rows, long width, const float *pivot, const float *scale,
    const float *shift, bool rectifies, bool streams) {
  for (long row = 0; row < rows; row++) {
    const float *p = x + row * stride;
    float *r = y + row * stride;
    long c = 0;
    for (; c + LANES <= width; c += LANES) {
      vf v = (NAME(load)(p + c) - NAME(load)(pivot + c)) * NAME(load)(scale + c) + NAME(load)(shift + c);
      NAME(put)(r + c, rectifies ? NAME(rectify)(v) : v, streams);
    }
    if (c < width) {
      c = width - LANES;
      vf v = (NAME(load)(p + c) - NAME(load)(pivot + c)) * NAME(load)(scale + c) + NAME(load)(shift + c);
      NAME(store)(r + c, rectifies ? NAME(rectify)(v) : v);
    }
  }
}

void NAME(row_normalize)(
    const float *x, float *y, long stride, long rows, long width, const float *pivot, const float *scale,
    const float *shift, bool rectifies, bool streams) {
  if (rectifies) {
    if (streams) NAME(rows_apply)(x, y, stride, rows, width, pivot, scale, shift, true, true);
    else NAME(rows_apply)(x, y, stride, rows, width, pivot, scale, shift, true, false);
  } else {
    if (streams) NAME(rows_apply)(x, y, stride, rows, width, pivot, scale, shift, false, true);
    else NAME(rows_apply)(x, y, stride, rows, width, pivot, scale, shift, false, false);
  }
}

// The gradient where the ReLU that followed was active.
static inline __attribute__((always_inline)) vf NAME(active)(vf gradient, vf distance, vf scale, vf shift, bool rectifies) {
  if (!rectifies) return gradient;
  return (vf)(~(distance * scale + shift <= 0.0f) & (vi)gradient);
}

static inline __attribute__((always_inline)) void NAME(strip_gradient_sums)(
    const float *g, const float *x, long stride, long rows, long vectors, const float *pivot, const float *scale,
    const float *shift, bool rectifies, float *sum, float *product) {
  vf s[STRIP], q[STRIP];
  for (long i = 0; i < vectors; i++) s[i] = q[i] = (vf){0};
  for (long row = 0; row < rows; row++) {
    for (long i = 0; i < vectors; i++) {
      vf d = NAME(load)(x + row * stride + i * LANES) - NAME(load)(pivot + i * LANES);
      vf h = NAME(load)(g + row * stride + i * LANES);
      if (rectifies) h = NAME(active)(h, d, NAME(load)(scale + i * LANES), NAME(load)(shift + i * LANES), true);
      s[i] += h;
      q[i] += h * d;
    }
  }
  for (long i = 0; i < vectors; i++) {
    NAME(store)(sum + i * LANES, s[i]);
    NAME(store)(product + i * LANES, q[i]);
  }
}

// Sums of g and of g (x - pivot) over `rows` rows; `scratch` has room for 2 * width floats.
void NAME(row_gradient_sums)(
    const float *g, const float *x, long stride, long rows, long width, const float *pivot, const float *scale,
    const float *shift, bool rectifies, double *sums, double *products, float *scratch) {
  float *sum = scratch, *product = scratch + width;
  for (long c = 0; c < width; c++) sums[c] = products[c] = 0;
  for (long row = 0; row < rows; row += NORMA_BLOCK) {
    long count = rows - row < NORMA_BLOCK ? rows - row : NORMA_BLOCK;
    const float *gp = g + row * stride, *p = x + row * stride;
    if (rectifies) {
      FOR_STRIPS(width, NAME(strip_gradient_sums)(gp + at, p + at, stride, count, vectors, pivot + at, scale + at,
                                                  shift + at, true, sum + at, product + at));
    } else {
      FOR_STRIPS(width, NAME(strip_gradient_sums)(gp + at, p + at, stride, count, vectors, pivot + at, scale + at,
                                                  shift + at, false, sum + at, product + at));
    }
    for (long c = 0; c < width; c++) {
      sums[c] += sum[c];
      products[c] += product[c];
    }
  }
}

static inline __attribute__((always_inline)) void NAME(rows_input_gradient)(
    const float *g, const float *x, float *dx, long stride, long rows, long width, const float *pivot,
    const float *scale, const float *shift, const float *slope, const float *offset, bool rectifies, bool streams) {
  for (long row = 0; row < rows; row++) {
    const float *gp = g + row * stride, *p = x + row * stride;
    float *r = dx + row * stride;
    for (long c = 0; c < width; c += LANES) {
      bool whole = c + LANES <= width;
      if (!whole) c = width - LANES;
      vf d = NAME(load)(p + c) - NAME(load)(pivot + c), a = NAME(load)(scale + c);
      vf h = NAME(load)(gp + c);
      if (rectifies) h = NAME(active)(h, d, a, NAME(load)(shift + c), true);
      vf v = (h * a - d * NAME(load)(slope + c)) - NAME(load)(offset + c);
      NAME(put)(r + c, v, streams && whole);
    }
  }
}

// dx = g * scale - (x - pivot) * slope - offset.
void NAME(row_input_gradient)(
    const float *g, const float *x, float *dx, long stride, long rows, long width, const float *pivot,
    const float *scale, const float *shift, const float *slope, const float *offset, bool rectifies, bool streams) {
  if (rectifies) {
    if (streams) NAME(rows_input_gradient)(g, x, dx, stride, rows, width, pivot, scale, shift, slope, offset, true, true);
    else NAME(rows_input_gradient)(g, x, dx, stride, rows, width, pivot, scale, shift, slope, offset, true, false);
  } else {
    if (streams) NAME(rows_input_gradient)(g, x, dx, stride, rows, width, pivot, scale, shift, slope, offset, false, true);
    else NAME(rows_input_gradient)(g, x, dx, stride, rows, width, pivot, scale, shift, slope, offset, false, false);
  }
}

// Adds one part's sums around its own base to those around another, see add_moments.
void NAME(merge_moments)(
    const float *restrict partBase, const double *restrict partSums, const double *restrict partSquares,
    const float *restrict base, long width, double n, double *restrict sums, double *restrict squares) {
  for (long c = 0; c < width; c++) {
    double e = (double)partBase[c] - (double)base[c], s = partSums[c];
    sums[c] += s + n * e;
    squares[c] += (partSquares[c] + 2 * e * s) + (n * e) * e;
  }
}

// From the sums around `base` of n values a channel: the means, the centred second moments, and what normalizes them.
// With mean = pivot + rest, pivot being a float: y = (x - pivot) * scale + shift, where scale = gamma / s and
// shift = beta - rest * gamma / s. gamma and beta may be NULL.
void NAME(finish_moments)(
    const float *restrict base, const double *restrict sums, const double *restrict squares, long width, double n,
    double epsilon, const float *restrict gamma, const float *restrict beta, double *restrict mean,
    double *restrict second, double *restrict reciprocal, float *restrict pivot, float *restrict scale,
    float *restrict shift) {
  double share = 1 / n;
  for (long c = 0; c < width; c++) {
    double s = sums[c];
    mean[c] = (double)base[c] + s * share;
    second[c] = squares[c] - s * share * s;
  }
  long c = 0;
  for (; c + 8 <= width; c += 8) {
    vd v = *(vd *)(second + c) * share + epsilon;
    *(vd *)(reciprocal + c) = 1.0 / __builtin_elementwise_sqrt(v);
  }
  for (; c < width; c++) reciprocal[c] = 1 / __builtin_elementwise_sqrt(second[c] * share + epsilon);
  for (c = 0; c < width; c++) {
    float k = (float)mean[c];
    double a = (gamma ? (double)gamma[c] : 1.0) * reciprocal[c];
    pivot[c] = k;
    scale[c] = (float)a;
    shift[c] = (float)((beta ? (double)beta[c] : 0.0) - (mean[c] - (double)k) * a);
  }
}

// From the sums of g and of g (x - pivot) over n values a channel: the gradients of gamma and beta, and what makes
// that of x: dx = g * scale - (x - pivot) * slope - offset.
void NAME(finish_gradients)(
    const double *restrict sums, const double *restrict products, long width, double n, const double *restrict mean,
    const double *restrict reciprocal, const float *restrict pivot, const float *restrict gamma,
    float *restrict gammaGradient, float *restrict betaGradient, float *restrict slope, float *restrict offset) {
  double share = 1 / n;
  for (long c = 0; c < width; c++) {
    double rest = mean[c] - (double)pivot[c], r = reciprocal[c];
    double a = (gamma ? (double)gamma[c] : 1.0) * r;
    double d = (products[c] - rest * sums[c]) * r;
    double m = a * r * d * share;
    gammaGradient[c] = (float)d;
    betaGradient[c] = (float)sums[c];
    slope[c] = (float)m;
    offset[c] = (float)(a * sums[c] * share - rest * m);
  }
}
