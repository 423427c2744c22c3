// Rows by channels: the sums run down the rows, one for each channel.
// Part of kernels_body.h, which see.

// Two ways to go through a block of rows, with the same sums. Down a strip of channels: the sums stay in registers, but
// each row is read in pieces. Along a few rows at once: the sums come and go from the first cache, and memory is read as
// it lies. The first is for narrow rows out of memory, the second for all else.
#define TOGETHER 8
static inline bool NAME(goes_along)(long rows, long width) { return width >= 512 || rows * width <= 1 << 15; }

// The pivots of up to 64 rows, for one vector of channels.
static inline __attribute__((always_inline)) vf NAME(block_pivot)(const float *p, long stride, long rows) {
  if (rows < 8) return NAME(load)(p);
  // A tree, so that eight equal values give that value exactly.
  vf a = NAME(load)(p) + NAME(load)(p + stride), b = NAME(load)(p + 2 * stride) + NAME(load)(p + 3 * stride);
  vf c = NAME(load)(p + 4 * stride) + NAME(load)(p + 5 * stride);
  vf d = NAME(load)(p + 6 * stride) + NAME(load)(p + 7 * stride);
  return ((a + b) + (c + d)) * 0.125f;
}

// The pivots and pivoted sums of up to 64 rows, for one strip of `vectors` vectors.
static inline __attribute__((always_inline)) void NAME(strip_moments)(
    const float *x, long stride, long rows, long vectors, float *pivot, float *sum, float *square) {
  vf k[STRIP], s[STRIP], q[STRIP];
  for (long i = 0; i < vectors; i++) {
    k[i] = NAME(block_pivot)(x + i * LANES, stride, rows);
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

// Adds the pivoted sums of a few rows to those of the rows before them, for one vector of channels.
static inline __attribute__((always_inline)) void NAME(add_rows)(
    const float *p, long stride, long rows, vf k, vf s, vf q, float *sum, float *square) {
  for (long row = 0; row < rows; row++) {
    vf d = NAME(load)(p + row * stride) - k;
    s += d;
    q += d * d;
  }
  NAME(store)(sum, s);
  NAME(store)(square, q);
}

// The pivots and pivoted sums of up to 64 rows, TOGETHER rows at a time; or what more rows of a block add to those that were
// found of its first.
static inline __attribute__((always_inline)) void NAME(block_moments)(
    const float *x, long stride, long rows, long width, bool begins, float *pivot, float *sum, float *square) {
  const long whole = width / LANES * LANES, at = width - LANES;
  // The last vector overlaps with the one before it, and finds the same values: it begins before that has gone on.
  vf lastPivot = {0}, lastSum = {0}, lastSquare = {0};
  if (whole < width) {
    lastPivot = begins ? NAME(block_pivot)(x + at, stride, rows) : NAME(load)(pivot + at);
    if (!begins) {
      lastSum = NAME(load)(sum + at);
      lastSquare = NAME(load)(square + at);
    }
    for (long row = 0; row < rows; row++) {
      vf d = NAME(load)(x + row * stride + at) - lastPivot;
      lastSum += d;
      lastSquare += d * d;
    }
  }
  for (long row = 0; row < rows; row += TOGETHER) {
    const float *p = x + row * stride;
    const long left = rows - row;
    for (long c = 0; c < whole; c += LANES) {
      vf k, s = {0}, q = {0};
      if (begins && row == 0) {
        k = NAME(block_pivot)(p + c, stride, rows);
        NAME(store)(pivot + c, k);
      } else {
        k = NAME(load)(pivot + c);
        s = NAME(load)(sum + c);
        q = NAME(load)(square + c);
      }
      if (left >= TOGETHER) NAME(add_rows)(p + c, stride, TOGETHER, k, s, q, sum + c, square + c);
      else NAME(add_rows)(p + c, stride, left, k, s, q, sum + c, square + c);
    }
  }
  if (whole < width) {
    NAME(store)(pivot + at, lastPivot);
    NAME(store)(sum + at, lastSum);
    NAME(store)(square + at, lastSquare);
  }
}

// The same for rows of at least LANES channels of a block that does not stand in one piece. Its first piece has at least 8 rows, if
// there are as many.
static void NAME(row_block_moments)(
    const float *x, long stride, long rows, long width, bool begins, float *pivot, float *sum, float *square) {
  NAME(block_moments)(x, stride, rows, width, begins, pivot, sum, square);
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

// Adds n values' sums around `pivot` to sums around `base`: with e = pivot - base, S += s + n e and
// Q += q + 2 e s + n e^2.
static inline __attribute__((always_inline)) void NAME(add_around)(
    float pivot, double sum, double square, double n, float base, double *sums, double *squares) {
  double e = (double)pivot - (double)base;
  *sums += sum + n * e;
  *squares += (square + 2 * e * sum) + (n * e) * e;
}

// The same for the single precision of a block and each channel of a row.
static inline void NAME(add_moments)(
    const float *restrict pivot, const float *restrict sum, const float *restrict square, const float *restrict base,
    long width, double n, double *restrict sums, double *restrict squares) {
  for (long c = 0; c < width; c++) {
    NAME(add_around)(pivot[c], (double)sum[c], (double)square[c], n, base[c], sums + c, squares + c);
  }
}

// Sums of x - base and of its square over `rows` rows of at least LANES channels. `base`, `sums` and `squares` are
// written; `scratch` has room for 3 * width floats.
static void NAME(row_moments)(
    const float *x, long stride, long rows, long width, float *base, double *sums, double *squares, float *scratch) {
  float *pivot = scratch, *sum = scratch + width, *square = scratch + 2 * width;
  const bool along = NAME(goes_along)(rows, width);
  for (long c = 0; c < width; c++) sums[c] = squares[c] = 0;
  for (long row = 0; row < rows; row += NORMA_BLOCK) {
    long count = rows - row < NORMA_BLOCK ? rows - row : NORMA_BLOCK;
    const float *p = x + row * stride;
    if (along) NAME(block_moments)(p, stride, count, width, true, pivot, sum, square);
    else FOR_STRIPS(width, NAME(strip_moments)(p + at, stride, count, vectors, pivot + at, sum + at, square + at));
    if (row == 0) __builtin_memcpy(base, pivot, (size_t)width * sizeof(float));
    NAME(add_moments)(pivot, sum, square, base, width, (double)count, sums, squares);
  }
}

// y = (x - pivot) * scale + shift, and ReLU: one value, and rows of at least LANES.
static inline __attribute__((always_inline)) float NAME(transformed)(
    float x, float pivot, float scale, float shift, bool rectifies) {
  float v = (x - pivot) * scale + shift;
  return rectifies && v <= 0 ? 0 : v;
}

static inline __attribute__((always_inline)) void NAME(rows_apply)(
    const float *x, float *y, long stride, long rows, long width, const float *pivot, const float *scale,
    const float *shift, bool rectifies, bool streams) {
  for (long row = 0; row < rows; row++) {
    const float *p = x + row * stride;
    float *r = y + row * stride;
    long c = 0;
    for (long lead = NAME(lead)(r, width, streams); c < lead; c++) {
      r[c] = NAME(transformed)(p[c], pivot[c], scale[c], shift[c], rectifies);
    }
    for (; c + LANES <= width; c += LANES) {
      vf v = (NAME(load)(p + c) - NAME(load)(pivot + c)) * NAME(load)(scale + c) + NAME(load)(shift + c);
      NAME(put)(r + c, rectifies ? NAME(rectify)(v) : v, streams);
    }
    if (c < width && !streams) {
      c = width - LANES;
      vf v = (NAME(load)(p + c) - NAME(load)(pivot + c)) * NAME(load)(scale + c) + NAME(load)(shift + c);
      NAME(store)(r + c, rectifies ? NAME(rectify)(v) : v);
      c = width;
    }
    for (; c < width; c++) r[c] = NAME(transformed)(p[c], pivot[c], scale[c], shift[c], rectifies);
  }
}

static void NAME(row_normalize)(
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

// The same, half of TOGETHER rows at a time, since two tensors are read; or what more rows of a block add.
static inline __attribute__((always_inline)) void NAME(block_gradient_sums)(
    const float *g, const float *x, long stride, long rows, long width, const float *pivot, const float *scale,
    const float *shift, bool rectifies, bool begins, float *sum, float *product) {
  const long whole = width / LANES * LANES, at = width - LANES;
  // As in block_moments.
  vf lastSum = {0}, lastProduct = {0};
  if (whole < width) {
    if (!begins) {
      lastSum = NAME(load)(sum + at);
      lastProduct = NAME(load)(product + at);
    }
    for (long row = 0; row < rows; row++) {
      vf d = NAME(load)(x + row * stride + at) - NAME(load)(pivot + at);
      vf h = NAME(load)(g + row * stride + at);
      if (rectifies) h = NAME(active)(h, d, NAME(load)(scale + at), NAME(load)(shift + at), true);
      lastSum += h;
      lastProduct += h * d;
    }
  }
  for (long row = 0; row < rows; row += TOGETHER / 2) {
    const long left = rows - row, count = left < TOGETHER / 2 ? left : TOGETHER / 2;
    const float *gp = g + row * stride, *p = x + row * stride;
    for (long c = 0; c < whole; c += LANES) {
      vf k = NAME(load)(pivot + c), a = {0}, b = {0}, s = {0}, q = {0};
      if (rectifies) {
        a = NAME(load)(scale + c);
        b = NAME(load)(shift + c);
      }
      if (row > 0 || !begins) {
        s = NAME(load)(sum + c);
        q = NAME(load)(product + c);
      }
      if (count == TOGETHER / 2) {
        for (long i = 0; i < TOGETHER / 2; i++) {
          vf d = NAME(load)(p + i * stride + c) - k;
          vf h = NAME(active)(NAME(load)(gp + i * stride + c), d, a, b, rectifies);
          s += h;
          q += h * d;
        }
      } else {
        for (long i = 0; i < count; i++) {
          vf d = NAME(load)(p + i * stride + c) - k;
          vf h = NAME(active)(NAME(load)(gp + i * stride + c), d, a, b, rectifies);
          s += h;
          q += h * d;
        }
      }
      NAME(store)(sum + c, s);
      NAME(store)(product + c, q);
    }
  }
  if (whole < width) {
    NAME(store)(sum + at, lastSum);
    NAME(store)(product + at, lastProduct);
  }
}

// The same for rows of a block that does not stand in one piece.
static void NAME(row_block_gradient_sums)(
    const float *g, const float *x, long stride, long rows, long width, const float *pivot, const float *scale,
    const float *shift, bool rectifies, bool begins, float *sum, float *product) {
  if (rectifies) {
    NAME(block_gradient_sums)(g, x, stride, rows, width, pivot, scale, shift, true, begins, sum, product);
  } else {
    NAME(block_gradient_sums)(g, x, stride, rows, width, pivot, scale, shift, false, begins, sum, product);
  }
}

static inline __attribute__((always_inline)) void NAME(all_gradient_sums)(
    const float *g, const float *x, long stride, long rows, long width, const float *pivot, const float *scale,
    const float *shift, bool rectifies, double *sums, double *products, float *scratch) {
  float *sum = scratch, *product = scratch + width;
  const bool along = NAME(goes_along)(rows, width);
  for (long c = 0; c < width; c++) sums[c] = products[c] = 0;
  for (long row = 0; row < rows; row += NORMA_BLOCK) {
    long count = rows - row < NORMA_BLOCK ? rows - row : NORMA_BLOCK;
    const float *gp = g + row * stride, *p = x + row * stride;
    if (along) {
      NAME(block_gradient_sums)(gp, p, stride, count, width, pivot, scale, shift, rectifies, true, sum, product);
    } else {
      FOR_STRIPS(width, NAME(strip_gradient_sums)(gp + at, p + at, stride, count, vectors, pivot + at, scale + at,
                                                  shift + at, rectifies, sum + at, product + at));
    }
    for (long c = 0; c < width; c++) {
      sums[c] += sum[c];
      products[c] += product[c];
    }
  }
}

// Sums of g and of g (x - pivot) over `rows` rows; `scratch` has room for 2 * width floats.
static void NAME(row_gradient_sums)(
    const float *g, const float *x, long stride, long rows, long width, const float *pivot, const float *scale,
    const float *shift, bool rectifies, double *sums, double *products, float *scratch) {
  if (rectifies) {
    NAME(all_gradient_sums)(g, x, stride, rows, width, pivot, scale, shift, true, sums, products, scratch);
  } else {
    NAME(all_gradient_sums)(g, x, stride, rows, width, pivot, scale, shift, false, sums, products, scratch);
  }
}

// dx = g * scale - (x - pivot) * slope - offset: one value, and rows of at least LANES.
static inline __attribute__((always_inline)) float NAME(one_input_gradient)(
    float g, float x, float pivot, float scale, float shift, float slope, float offset, bool rectifies) {
  float d = x - pivot;
  float h = rectifies && d * scale + shift <= 0 ? 0 : g;
  return (h * scale - d * slope) - offset;
}

static inline __attribute__((always_inline)) void NAME(rows_input_gradient)(
    const float *g, const float *x, float *dx, long stride, long rows, long width, const float *pivot,
    const float *scale, const float *shift, const float *slope, const float *offset, bool rectifies, bool streams) {
#define ONE(c) NAME(one_input_gradient)(gp[c], p[c], pivot[c], scale[c], shift[c], slope[c], offset[c], rectifies)
  for (long row = 0; row < rows; row++) {
    const float *gp = g + row * stride, *p = x + row * stride;
    float *r = dx + row * stride;
    long c = 0;
    for (long lead = NAME(lead)(r, width, streams); c < lead; c++) r[c] = ONE(c);
    while (c + (streams ? LANES : 1) <= width) {
      // The last vector overlaps with the one before it, and computes the same values again.
      if (c + LANES > width) c = width - LANES;
      vf d = NAME(load)(p + c) - NAME(load)(pivot + c), a = NAME(load)(scale + c);
      vf h = NAME(load)(gp + c);
      if (rectifies) h = NAME(active)(h, d, a, NAME(load)(shift + c), true);
      vf v = (h * a - d * NAME(load)(slope + c)) - NAME(load)(offset + c);
      NAME(put)(r + c, v, streams);
      c += LANES;
    }
    for (; c < width; c++) r[c] = ONE(c);
  }
#undef ONE
}

// dx = g * scale - (x - pivot) * slope - offset.
static void NAME(row_input_gradient)(
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

// Adds one part's sums around its own base to those around another.
static void NAME(merge_moments)(
    const float *restrict partBase, const double *restrict partSums, const double *restrict partSquares,
    const float *restrict base, long width, double n, double *restrict sums, double *restrict squares) {
  for (long c = 0; c < width; c++) {
    NAME(add_around)(partBase[c], partSums[c], partSquares[c], n, base[c], sums + c, squares + c);
  }
}

// Whether no value is farther from 0 than `most`; one that is not a number is.
static inline bool NAME(are_within)(const float *values, long count, float most) {
  vi others = {0};
  long i = 0, left = 0;
  for (; i + LANES <= count; i += LANES) {
    others |= ~((vf)((vi)NAME(load)(values + i) & 0x7fffffff) <= most);
  }
  for (; i < count; i++) left += !(__builtin_fabsf(values[i]) <= most);
  return left == 0 && __builtin_reduce_or(others) == 0;
}

// Whether the kernels can normalize with such a 1 / s in single precision: for one number, or lanes of them.
#define IS_ORDINARY(reciprocal) (((reciprocal) >= 1 / NORMA_STEEPEST) & ((reciprocal) <= NORMA_STEEPEST))

// From the sums around `base` of n values a channel: the means, the centred second moments, and what normalizes them.
// With mean = pivot + rest, pivot being a float: y = (x - pivot) * scale + shift, where scale = gamma / s and
// shift = beta - rest * gamma / s. gamma and beta may be NULL.
static inline __attribute__((always_inline)) void NAME(finish)(
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

// The same; whether every channel is ordinary.
static bool NAME(finish_moments)(
    const float *base, const double *sums, const double *squares, long width, double n, double epsilon,
    const float *gamma, const float *beta, double *mean, double *second, double *reciprocal, float *pivot, float *scale,
    float *shift) {
  NAME(finish)(base, sums, squares, width, n, epsilon, gamma, beta, mean, second, reciprocal, pivot, scale, shift);
  vl ordinary = ~(vl){0};
  long c = 0, others = 0;
  for (; c + 8 <= width; c += 8) ordinary &= (vl)IS_ORDINARY(*(vd *)(reciprocal + c));
  others += !__builtin_reduce_and(ordinary);
  for (; c < width; c++) others += !IS_ORDINARY(reciprocal[c]);
  return others == 0 && NAME(are_within)(scale, width, NORMA_LARGEST_SCALE);
}

// scale = gamma / sqrt(variance + epsilon), in double precision until it is stored. gamma may be NULL. Whether every channel is
// ordinary: there, x - mean is a float for every float x.
static bool NAME(channel_scales)(
    const float *mean, const float *variance, const float *gamma, long width, double epsilon, float *scale) {
  long c = 0, others = 0;
  vl ordinary = ~(vl){0};
  for (; c + 8 <= width; c += 8) {
    vd8 v, g;
    for (int i = 0; i < 8; i++) {
      v[i] = variance[c + i];
      g[i] = gamma ? gamma[c + i] : 1.0f;
    }
    vd8 root = 1.0 / __builtin_elementwise_sqrt(v + epsilon), a = g * root;
    ordinary &= (vl)IS_ORDINARY(root);
    for (int i = 0; i < 8; i++) scale[c + i] = (float)a[i];
  }
  others += !__builtin_reduce_and(ordinary);
  for (; c < width; c++) {
    double root = 1 / __builtin_elementwise_sqrt((double)variance[c] + epsilon);
    scale[c] = (float)((gamma ? (double)gamma[c] : 1.0) * root);
    others += !IS_ORDINARY(root);
  }
  return others == 0 && NAME(are_within)(scale, width, NORMA_LARGEST_SCALE) &&
         NAME(are_within)(mean, width, NORMA_NEAR);
}

// From the sums of g and of g (x - pivot) over n values a channel: the gradients of gamma and beta, and what makes
// that of x: dx = g * scale - (x - pivot) * slope - offset. Whether they are floats in every channel.
static bool NAME(finish_gradients)(
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
  // Infinite sums give none either: what is infinite times 0 or less itself is not a number.
  return NAME(are_within)(slope, width, __FLT_MAX__) && NAME(are_within)(offset, width, __FLT_MAX__);
}
