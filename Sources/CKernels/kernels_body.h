// The kernels' one source, included once for each instruction set. Before it is included, NAME(x) must give the function
// names of that set, and STRIP the number of vectors of a row whose sums it can hold in registers.
//
// Every value a kernel computes depends on the operands and their shape alone: sums run over rows one by one, or over a
// fixed number of lanes, and no product and sum are contracted to one instruction. All sets give the same bits.

// Sixteen floats, wherever they stand. On narrower hardware the compiler uses several registers.
#define LANES 16

// ---------------------------------------------------------------- helpers

static inline __attribute__((always_inline)) vf NAME(load)(const float *p) { return *(const vf *)p; }
static inline __attribute__((always_inline)) void NAME(store)(float *p, vf v) { *(vf *)p = v; }
static inline __attribute__((always_inline)) vf NAME(splat)(float v) { return v - (vf){0}; }
static inline __attribute__((always_inline)) vf NAME(rectify)(vf v) {
  // A NaN compares as false, and is passed on.
  return (vf)(~(v <= 0.0f) & (vi)v);
}

// Stores past the caches where the caller found that the result will not be read soon: p must be aligned to 64 bytes.
static inline __attribute__((always_inline)) void NAME(put)(float *p, vf v, bool streams) {
  if (streams) __builtin_nontemporal_store(v, (vfa *)p); else NAME(store)(p, v);
}

// ---------------------------------------------------------------- rows by channels

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

// ---------------------------------------------------------------- planes: one channel's contiguous values

// Lanes to one sum in double precision, always in the same order: halves upon halves.
static inline __attribute__((always_inline)) double NAME(sum_lanes)(vf v) {
  vd8 low = __builtin_convertvector(__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7), vd8);
  vd8 high = __builtin_convertvector(__builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15), vd8);
  vd8 s = low + high;
  vd4 t = __builtin_shufflevector(s, s, 0, 1, 2, 3) + __builtin_shufflevector(s, s, 4, 5, 6, 7);
  return (t[0] + t[2]) + (t[1] + t[3]);
}

// Sums of x - base and of its square over one run of values, where `base` is the first value's block's pivot if
// `isFirst`, and read otherwise.
void NAME(plane_moments)(const float *x, long count, bool isFirst, float *base, double *sum, double *square) {
  for (long start = 0; start < count; start += NORMA_PLANE_BLOCK) {
    const float *p = x + start;
    long n = count - start < NORMA_PLANE_BLOCK ? count - start : NORMA_PLANE_BLOCK;
    float pivot = n < 8 ? p[0]
                        : (((p[0] + p[1]) + (p[2] + p[3])) + ((p[4] + p[5]) + (p[6] + p[7]))) * 0.125f;
    vf k = NAME(splat)(pivot);
    vf s[4] = {{0}}, q[4] = {{0}};
    long i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
      for (int j = 0; j < 4; j++) {
        vf d = NAME(load)(p + i + j * LANES) - k;
        s[j] += d;
        q[j] += d * d;
      }
    }
    for (int j = 0; i + LANES <= n; i += LANES, j++) {
      vf d = NAME(load)(p + i) - k;
      s[j] += d;
      q[j] += d * d;
    }
    double blockSum = NAME(sum_lanes)((s[0] + s[1]) + (s[2] + s[3]));
    double blockSquare = NAME(sum_lanes)((q[0] + q[1]) + (q[2] + q[3]));
    for (; i < n; i++) {
      float d = p[i] - pivot;
      blockSum += d;
      blockSquare += d * d;
    }
    if (isFirst && start == 0) *base = pivot;
    double e = (double)pivot - (double)*base;
    *sum += blockSum + (double)n * e;
    *square += (blockSquare + 2 * e * blockSum) + ((double)n * e) * e;
  }
}

// y = (x - pivot) * scale + shift, and ReLU.
static inline __attribute__((always_inline)) void NAME(plane_apply)(
    const float *x, float *y, long count, float pivot, float scale, float shift, bool rectifies, bool streams) {
  vf k = NAME(splat)(pivot), a = NAME(splat)(scale), b = NAME(splat)(shift);
  long i = 0;
  for (; i + LANES <= count; i += LANES) {
    vf v = (NAME(load)(x + i) - k) * a + b;
    NAME(put)(y + i, rectifies ? NAME(rectify)(v) : v, streams);
  }
  for (; i < count; i++) {
    float v = (x[i] - pivot) * scale + shift;
    y[i] = rectifies && v <= 0 ? 0 : v;
  }
}

void NAME(plane_normalize)(
    const float *x, float *y, long count, float pivot, float scale, float shift, bool rectifies, bool streams) {
  if (rectifies) {
    if (streams) NAME(plane_apply)(x, y, count, pivot, scale, shift, true, true);
    else NAME(plane_apply)(x, y, count, pivot, scale, shift, true, false);
  } else {
    if (streams) NAME(plane_apply)(x, y, count, pivot, scale, shift, false, true);
    else NAME(plane_apply)(x, y, count, pivot, scale, shift, false, false);
  }
}

static inline __attribute__((always_inline)) void NAME(plane_sums)(
    const float *g, const float *x, long count, float pivot, float scale, float shift, bool rectifies, double *sum,
    double *product) {
  vf k = NAME(splat)(pivot), a = NAME(splat)(scale), b = NAME(splat)(shift);
  for (long start = 0; start < count; start += NORMA_PLANE_BLOCK) {
    long n = count - start < NORMA_PLANE_BLOCK ? count - start : NORMA_PLANE_BLOCK;
    const float *gp = g + start, *p = x + start;
    vf s[2] = {{0}}, q[2] = {{0}};
    long i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
      for (int j = 0; j < 2; j++) {
        vf d = NAME(load)(p + i + j * LANES) - k;
        vf h = NAME(active)(NAME(load)(gp + i + j * LANES), d, a, b, rectifies);
        s[j] += h;
        q[j] += h * d;
      }
    }
    double blockSum = NAME(sum_lanes)(s[0] + s[1]), blockProduct = NAME(sum_lanes)(q[0] + q[1]);
    for (; i < n; i++) {
      float d = p[i] - pivot;
      float h = rectifies && d * scale + shift <= 0 ? 0 : gp[i];
      blockSum += h;
      blockProduct += h * d;
    }
    *sum += blockSum;
    *product += blockProduct;
  }
}

// Adds the sums of g and of g (x - pivot) over one run of values.
void NAME(plane_gradient_sums)(
    const float *g, const float *x, long count, float pivot, float scale, float shift, bool rectifies, double *sum,
    double *product) {
  if (rectifies) NAME(plane_sums)(g, x, count, pivot, scale, shift, true, sum, product);
  else NAME(plane_sums)(g, x, count, pivot, scale, shift, false, sum, product);
}

static inline __attribute__((always_inline)) void NAME(plane_gradient)(
    const float *g, const float *x, float *dx, long count, float pivot, float scale, float shift, float slope,
    float offset, bool rectifies, bool streams) {
  vf k = NAME(splat)(pivot), a = NAME(splat)(scale), b = NAME(splat)(shift);
  vf m = NAME(splat)(slope), o = NAME(splat)(offset);
  long i = 0;
  for (; i + LANES <= count; i += LANES) {
    vf d = NAME(load)(x + i) - k;
    vf h = NAME(active)(NAME(load)(g + i), d, a, b, rectifies);
    NAME(put)(dx + i, (h * a - d * m) - o, streams);
  }
  for (; i < count; i++) {
    float d = x[i] - pivot;
    float h = rectifies && d * scale + shift <= 0 ? 0 : g[i];
    dx[i] = (h * scale - d * slope) - offset;
  }
}

// dx = g * scale - (x - pivot) * slope - offset.
void NAME(plane_input_gradient)(
    const float *g, const float *x, float *dx, long count, float pivot, float scale, float shift, float slope,
    float offset, bool rectifies, bool streams) {
  if (rectifies) {
    if (streams) NAME(plane_gradient)(g, x, dx, count, pivot, scale, shift, slope, offset, true, true);
    else NAME(plane_gradient)(g, x, dx, count, pivot, scale, shift, slope, offset, true, false);
  } else {
    if (streams) NAME(plane_gradient)(g, x, dx, count, pivot, scale, shift, slope, offset, false, true);
    else NAME(plane_gradient)(g, x, dx, count, pivot, scale, shift, slope, offset, false, false);
  }
}

// ---------------------------------------------------------------- rows, each normalized by its own statistics

// y = x^ * gamma + beta, x^ being a row of x brought to mean 0 and variance 1. Writes each row's mean and 1 / s.
void NAME(layer_normalize)(
    const float *x, float *y, long rows, long channels, const float *gamma, const float *beta, double epsilon,
    double *mean, double *reciprocal) {
  for (long row = 0; row < rows; row++) {
    const float *p = x + row * channels;
    float *r = y + row * channels;
    float base = 0;
    double sum = 0, square = 0;
    NAME(plane_moments)(p, channels, true, &base, &sum, &square);
    double m = base + sum / (double)channels;
    double variance = (square - sum * sum / (double)channels) / (double)channels;
    double reciprocalDeviation = 1 / __builtin_elementwise_sqrt(variance + epsilon);
    mean[row] = m;
    reciprocal[row] = reciprocalDeviation;
    float k = (float)m, a = (float)reciprocalDeviation, t = (float)(-(m - (double)k) * reciprocalDeviation);
    long c = 0;
    for (; c + LANES <= channels; c += LANES) {
      vf v = (NAME(load)(p + c) - k) * a + t;
      NAME(store)(r + c, v * NAME(load)(gamma + c) + NAME(load)(beta + c));
    }
    for (; c < channels; c++) r[c] = ((p[c] - k) * a + t) * gamma[c] + beta[c];
  }
}

// The gradients of up to NORMA_BLOCK rows' layer normalization. Adds to the sums for gamma and beta, whose floats
// `scratch` has room for: 2 * channels.
void NAME(layer_gradient)(
    const float *g, const float *x, float *dx, long rows, long channels, const float *gamma, const double *mean,
    const double *reciprocal, double *gammaSums, double *betaSums, float *scratch) {
  float *gammaPart = scratch, *betaPart = scratch + channels;
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
    float meanSum = (float)(sum / (double)channels), meanProduct = (float)(product / (double)channels);
    for (c = 0; c + LANES <= channels; c += LANES) {
      vf v = (NAME(load)(p + c) - k) * a + t;
      vf h = NAME(load)(gp + c) * NAME(load)(gamma + c);
      NAME(store)(r + c, ((h - meanSum) - v * meanProduct) * a);
    }
    for (; c < channels; c++) {
      float v = (p[c] - k) * a + t;
      r[c] = ((gp[c] * gamma[c] - meanSum) - v * meanProduct) * a;
    }
  }
  for (long c = 0; c < channels; c++) {
    gammaSums[c] += gammaPart[c];
    betaSums[c] += betaPart[c];
  }
}

// ---------------------------------------------------------------- element by element

// One step of Adam, see OptimizerRule.
void NAME(adam)(
    float *restrict w, const float *restrict g, float *restrict first, float *restrict second, long count, float beta1,
    float rest1, float beta2, float rest2, float rate, float rootScale, float epsilon, float shrink) {
  long i = 0;
  for (; i + LANES <= count; i += LANES) {
    vf v = NAME(load)(g + i);
    vf m = beta1 * NAME(load)(first + i) + rest1 * v;
    vf s = beta2 * NAME(load)(second + i) + rest2 * v * v;
    NAME(store)(first + i, m);
    NAME(store)(second + i, s);
    NAME(store)(w + i, shrink * NAME(load)(w + i) - rate * m / (__builtin_elementwise_sqrt(s) * rootScale + epsilon));
  }
  for (; i < count; i++) {
    first[i] = beta1 * first[i] + rest1 * g[i];
    second[i] = beta2 * second[i] + rest2 * g[i] * g[i];
    w[i] = shrink * w[i] - rate * first[i] / (__builtin_elementwise_sqrt(second[i]) * rootScale + epsilon);
  }
}

// One step of RMSProp, see OptimizerRule.
void NAME(rmsprop)(
    float *restrict w, const float *restrict g, float *restrict square, long count, float rate, float decay, float rest,
    float epsilon) {
  long i = 0;
  for (; i + LANES <= count; i += LANES) {
    vf v = NAME(load)(g + i);
    vf s = decay * NAME(load)(square + i) + rest * v * v;
    NAME(store)(square + i, s);
    NAME(store)(w + i, NAME(load)(w + i) - rate * v / (__builtin_elementwise_sqrt(s) + epsilon));
  }
  for (; i < count; i++) {
    square[i] = decay * square[i] + rest * g[i] * g[i];
    w[i] -= rate * g[i] / (__builtin_elementwise_sqrt(square[i]) + epsilon);
  }
}

#undef FOR_STRIPS
#undef LANES
