// Rows by channels: the sums run down the rows, one for each channel.
// Part of kernels_body.h, which includes it for each type of what is read and written: see stored.h.

// The pivots of up to 64 rows, for one vector of channels.
static inline __attribute__((always_inline)) vf OF(block_pivot)(const STORED *p, long stride, long rows) {
  if (rows < 8) return TAKE(p);
  // A tree, so that eight equal values give that value exactly.
  vf a = TAKE(p) + TAKE(p + stride), b = TAKE(p + 2 * stride) + TAKE(p + 3 * stride);
  vf c = TAKE(p + 4 * stride) + TAKE(p + 5 * stride);
  vf d = TAKE(p + 6 * stride) + TAKE(p + 7 * stride);
  return ((a + b) + (c + d)) * 0.125f;
}

// The pivots and pivoted sums of up to 64 rows, for one strip of `vectors` vectors; or what more rows of a block add to those that
// were found of its first.
static inline __attribute__((always_inline)) void OF(strip_moments)(
    const STORED *x, long stride, long rows, long vectors, bool begins, float *pivot, float *sum, float *square) {
  vf k[STRIP], s[STRIP], q[STRIP];
  for (long i = 0; i < vectors; i++) {
    k[i] = begins ? OF(block_pivot)(x + i * LANES, stride, rows) : NAME(load)(pivot + i * LANES);
    s[i] = begins ? (vf){0} : NAME(load)(sum + i * LANES);
    q[i] = begins ? (vf){0} : NAME(load)(square + i * LANES);
  }
  for (long row = 0; row < rows; row++) {
    const STORED *p = x + row * stride;
    for (long i = 0; i < vectors; i++) {
      vf d = TAKE(p + i * LANES) - k[i];
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
static inline __attribute__((always_inline)) void OF(add_rows)(
    const STORED *p, long stride, long rows, vf k, vf s, vf q, float *sum, float *square) {
  for (long row = 0; row < rows; row++) {
    vf d = TAKE(p + row * stride) - k;
    s += d;
    q += d * d;
  }
  NAME(store)(sum, s);
  NAME(store)(square, q);
}

// The pivots and pivoted sums of up to 64 rows, TOGETHER rows at a time; or what more rows of a block add to those that were
// found of its first.
static inline __attribute__((always_inline)) void OF(block_moments)(
    const STORED *x, long stride, long rows, long width, bool begins, float *pivot, float *sum, float *square) {
  const long whole = width / LANES * LANES, at = width - LANES;
  // The last vector overlaps with the one before it, and finds the same values: it begins before that has gone on.
  vf lastPivot = {0}, lastSum = {0}, lastSquare = {0};
  if (whole < width) {
    lastPivot = begins ? OF(block_pivot)(x + at, stride, rows) : NAME(load)(pivot + at);
    if (!begins) {
      lastSum = NAME(load)(sum + at);
      lastSquare = NAME(load)(square + at);
    }
    for (long row = 0; row < rows; row++) {
      vf d = TAKE(x + row * stride + at) - lastPivot;
      lastSum += d;
      lastSquare += d * d;
    }
  }
  for (long row = 0; row < rows; row += TOGETHER) {
    const STORED *p = x + row * stride;
    const long left = rows - row;
    for (long c = 0; c < whole; c += LANES) {
      vf k, s = {0}, q = {0};
      if (begins && row == 0) {
        k = OF(block_pivot)(p + c, stride, rows);
        NAME(store)(pivot + c, k);
      } else {
        k = NAME(load)(pivot + c);
        s = NAME(load)(sum + c);
        q = NAME(load)(square + c);
      }
      if (left >= TOGETHER) OF(add_rows)(p + c, stride, TOGETHER, k, s, q, sum + c, square + c);
      else OF(add_rows)(p + c, stride, left, k, s, q, sum + c, square + c);
    }
  }
  if (whole < width) {
    NAME(store)(pivot + at, lastPivot);
    NAME(store)(sum + at, lastSum);
    NAME(store)(square + at, lastSquare);
  }
}

#ifdef IS_FULL
// The same for rows of at least LANES channels of a block that does not stand in one piece. Its first piece has at least 8 rows, if
// there are as many.
static void NAME(row_block_moments)(
    const float *x, long stride, long rows, long width, bool begins, float *pivot, float *sum, float *square) {
  if (!NAME(goes_in_strips)(width)) return NAME(block_moments)(x, stride, rows, width, begins, pivot, sum, square);
  FOR_STRIPS(width, NAME(strip_moments)(x + at, stride, rows, vectors, begins, pivot + at, sum + at, square + at));
}
#endif

// Sums of x - base and of its square over `rows` rows of at least LANES channels. `base`, `sums` and `squares` are
// written; `scratch` has room for 3 * width floats.
static void OF(row_moments)(
    const STORED *x, long stride, long rows, long width, float *base, double *sums, double *squares, float *scratch) {
  float *pivot = scratch, *sum = scratch + width, *square = scratch + 2 * width;
  const bool along = NAME(goes_along)(rows, width);
  for (long c = 0; c < width; c++) sums[c] = squares[c] = 0;
  for (long row = 0; row < rows; row += NORMA_BLOCK) {
    long count = rows - row < NORMA_BLOCK ? rows - row : NORMA_BLOCK;
    const STORED *p = x + row * stride;
    if (along) OF(block_moments)(p, stride, count, width, true, pivot, sum, square);
    else FOR_STRIPS(width, OF(strip_moments)(p + at, stride, count, vectors, true, pivot + at, sum + at, square + at));
    if (row == 0) __builtin_memcpy(base, pivot, (size_t)width * sizeof(float));
    NAME(add_moments)(pivot, sum, square, base, width, (double)count, sums, squares);
  }
}

// How many rows are written at a time: what is the same for all of them is read once.
#define WRITTEN 4

// One row, or WRITTEN rows that can be written in whole vectors from their beginning on.
static inline __attribute__((always_inline)) void OF(apply_to_rows)(
    const STORED *x, STORED *y, long stride, const long rows, long width, const float *pivot, const float *scale,
    const float *shift, bool rectifies, bool streams) {
#define AT(c) \
  const vf k = NAME(load)(pivot + c), a = NAME(load)(scale + c), b = NAME(load)(shift + c)
#define LINE(row, at) NAME(rectified_if)((TAKE(x + (row) * stride + (at)) - k) * a + b, rectifies)
  long c = 0;
  if (rows == 1) {
    for (long lead = OF(lead)(y, width, streams); c < lead; c++) {
      y[c] = ROUNDED(NAME(transformed)(VALUE(x[c]), pivot[c], scale[c], shift[c], rectifies));
    }
  }
  for (; c + 2 * LANES <= width; c += 2 * LANES) {
    vf first[WRITTEN];
    {
      AT(c);
      FOR(row, rows) first[row] = LINE(row, c);
    }
    AT(c + LANES);
    FOR(row, rows) OF(put_pair)(y + row * stride + c, first[row], LINE(row, c + LANES), streams);
  }
  // The last vector overlaps with the one before it, and computes the same values again.
  while (c + (streams ? LANES : 1) <= width) {
    if (c + LANES > width) c = width - LANES;
    AT(c);
    FOR(row, rows) OF(put)(y + row * stride + c, LINE(row, c), streams);
    c += LANES;
  }
  for (; c < width; c++) {
    for (long row = 0; row < rows; row++) {
      y[row * stride + c] =
          ROUNDED(NAME(transformed)(VALUE(x[row * stride + c]), pivot[c], scale[c], shift[c], rectifies));
    }
  }
#undef AT
#undef LINE
}

// Whether rows are written WRITTEN at a time: not long ones, as memory takes few streams at once; and past the caches those alone
// that can be so in whole vectors.
static inline bool OF(writes_together)(const STORED *y, long stride, long width, bool streams) {
  if (!streams) return width <= 512;
  return width <= 4 * LANES && OF(lead)(y, 1, true) == 0 && OF(lead)(y + stride, 1, true) == 0;
}

static inline __attribute__((always_inline)) void OF(rows_apply)(
    const STORED *x, STORED *y, long stride, long rows, long width, const float *pivot, const float *scale,
    const float *shift, bool rectifies, bool streams) {
  long row = 0;
#define APPLY(count) \
  OF(apply_to_rows)(x + row * stride, y + row * stride, stride, count, width, pivot, scale, shift, rectifies, streams)
  if (OF(writes_together)(y, stride, width, streams)) {
    for (; row + WRITTEN <= rows; row += WRITTEN) APPLY(WRITTEN);
  }
  for (; row < rows; row++) APPLY(1);
#undef APPLY
}

static void OF(row_normalize)(
    const STORED *x, STORED *y, long stride, long rows, long width, const float *pivot, const float *scale,
    const float *shift, bool rectifies, bool streams) {
  if (rectifies) {
    if (streams) OF(rows_apply)(x, y, stride, rows, width, pivot, scale, shift, true, true);
    else OF(rows_apply)(x, y, stride, rows, width, pivot, scale, shift, true, false);
  } else {
    if (streams) OF(rows_apply)(x, y, stride, rows, width, pivot, scale, shift, false, true);
    else OF(rows_apply)(x, y, stride, rows, width, pivot, scale, shift, false, false);
  }
}

static inline __attribute__((always_inline)) void OF(strip_gradient_sums)(
    const STORED *g, const STORED *x, long stride, long rows, long vectors, const float *pivot, const float *scale,
    const float *shift, bool rectifies, bool begins, float *sum, float *product) {
  vf s[STRIP], q[STRIP];
  for (long i = 0; i < vectors; i++) {
    s[i] = begins ? (vf){0} : NAME(load)(sum + i * LANES);
    q[i] = begins ? (vf){0} : NAME(load)(product + i * LANES);
  }
  for (long row = 0; row < rows; row++) {
    for (long i = 0; i < vectors; i++) {
      vf d = TAKE(x + row * stride + i * LANES) - NAME(load)(pivot + i * LANES);
      vf h = TAKE(g + row * stride + i * LANES);
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
static inline __attribute__((always_inline)) void OF(block_gradient_sums)(
    const STORED *g, const STORED *x, long stride, long rows, long width, const float *pivot, const float *scale,
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
      vf d = TAKE(x + row * stride + at) - NAME(load)(pivot + at);
      vf h = TAKE(g + row * stride + at);
      if (rectifies) h = NAME(active)(h, d, NAME(load)(scale + at), NAME(load)(shift + at), true);
      lastSum += h;
      lastProduct += h * d;
    }
  }
  for (long row = 0; row < rows; row += TOGETHER / 2) {
    const long left = rows - row, count = left < TOGETHER / 2 ? left : TOGETHER / 2;
    const STORED *gp = g + row * stride, *p = x + row * stride;
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
          vf d = TAKE(p + i * stride + c) - k;
          vf h = NAME(active)(TAKE(gp + i * stride + c), d, a, b, rectifies);
          s += h;
          q += h * d;
        }
      } else {
        for (long i = 0; i < count; i++) {
          vf d = TAKE(p + i * stride + c) - k;
          vf h = NAME(active)(TAKE(gp + i * stride + c), d, a, b, rectifies);
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

#ifdef IS_FULL
// The same for rows of a block that does not stand in one piece.
static inline __attribute__((always_inline)) void NAME(row_blocks_gradient_sums)(
    const float *g, const float *x, long stride, long rows, long width, const float *pivot, const float *scale,
    const float *shift, bool rectifies, bool begins, float *sum, float *product) {
  if (NAME(goes_in_strips)(width)) {
    FOR_STRIPS(width, NAME(strip_gradient_sums)(g + at, x + at, stride, rows, vectors, pivot + at, scale + at, shift + at,
                                                rectifies, begins, sum + at, product + at));
  } else {
    NAME(block_gradient_sums)(g, x, stride, rows, width, pivot, scale, shift, rectifies, begins, sum, product);
  }
}
static void NAME(row_block_gradient_sums)(
    const float *g, const float *x, long stride, long rows, long width, const float *pivot, const float *scale,
    const float *shift, bool rectifies, bool begins, float *sum, float *product) {
  if (rectifies) {
    NAME(row_blocks_gradient_sums)(g, x, stride, rows, width, pivot, scale, shift, true, begins, sum, product);
  } else {
    NAME(row_blocks_gradient_sums)(g, x, stride, rows, width, pivot, scale, shift, false, begins, sum, product);
  }
}
#endif

static inline __attribute__((always_inline)) void OF(all_gradient_sums)(
    const STORED *g, const STORED *x, long stride, long rows, long width, const float *pivot, const float *scale,
    const float *shift, bool rectifies, double *sums, double *products, float *scratch) {
  float *sum = scratch, *product = scratch + width;
  const bool along = NAME(goes_along)(rows, width);
  for (long c = 0; c < width; c++) sums[c] = products[c] = 0;
  for (long row = 0; row < rows; row += NORMA_BLOCK) {
    long count = rows - row < NORMA_BLOCK ? rows - row : NORMA_BLOCK;
    const STORED *gp = g + row * stride, *p = x + row * stride;
    if (along) {
      OF(block_gradient_sums)(gp, p, stride, count, width, pivot, scale, shift, rectifies, true, sum, product);
    } else {
      FOR_STRIPS(width, OF(strip_gradient_sums)(gp + at, p + at, stride, count, vectors, pivot + at, scale + at,
                                                  shift + at, rectifies, true, sum + at, product + at));
    }
    for (long c = 0; c < width; c++) {
      sums[c] += sum[c];
      products[c] += product[c];
    }
  }
}

// Sums of g and of g (x - pivot) over `rows` rows; `scratch` has room for 2 * width floats.
static void OF(row_gradient_sums)(
    const STORED *g, const STORED *x, long stride, long rows, long width, const float *pivot, const float *scale,
    const float *shift, bool rectifies, double *sums, double *products, float *scratch) {
  if (rectifies) {
    OF(all_gradient_sums)(g, x, stride, rows, width, pivot, scale, shift, true, sums, products, scratch);
  } else {
    OF(all_gradient_sums)(g, x, stride, rows, width, pivot, scale, shift, false, sums, products, scratch);
  }
}

static inline __attribute__((always_inline)) void OF(input_gradient_of_rows)(
    const STORED *g, const STORED *x, STORED *dx, long stride, const long rows, long width, const float *pivot,
    const float *scale, const float *shift, const float *slope, const float *offset, bool rectifies, bool streams) {
#define ONE(c) \
  ROUNDED(NAME(one_input_gradient)(VALUE(g[c]), VALUE(x[c]), pivot[c], scale[c], shift[c], slope[c], offset[c], rectifies))
#define AT(c)                                                                                     \
  const vf k = NAME(load)(pivot + c), a = NAME(load)(scale + c), b = NAME(load)(shift + c), \
           m = NAME(load)(slope + c), n = NAME(load)(offset + c)
#define LINE(row, at) \
  NAME(input_gradient)(TAKE(g + (row) * stride + (at)), TAKE(x + (row) * stride + (at)) - k, a, b, m, n, rectifies)
  long c = 0;
  if (rows == 1) for (long lead = OF(lead)(dx, width, streams); c < lead; c++) dx[c] = ONE(c);
  for (; c + 2 * LANES <= width; c += 2 * LANES) {
    vf first[WRITTEN];
    {
      AT(c);
      FOR(row, rows) first[row] = LINE(row, c);
    }
    AT(c + LANES);
    FOR(row, rows) OF(put_pair)(dx + row * stride + c, first[row], LINE(row, c + LANES), streams);
  }
  // The last vector overlaps with the one before it, and computes the same values again.
  while (c + (streams ? LANES : 1) <= width) {
    if (c + LANES > width) c = width - LANES;
    AT(c);
    FOR(row, rows) OF(put)(dx + row * stride + c, LINE(row, c), streams);
    c += LANES;
  }
  for (; c < width; c++) {
    for (long row = 0; row < rows; row++) dx[row * stride + c] = ONE(row * stride + c);
  }
#undef AT
#undef LINE
#undef ONE
}

static inline __attribute__((always_inline)) void OF(rows_input_gradient)(
    const STORED *g, const STORED *x, STORED *dx, long stride, long rows, long width, const float *pivot,
    const float *scale, const float *shift, const float *slope, const float *offset, bool rectifies, bool streams) {
  long row = 0;
#define FIND(count)                                                                                                       \
  OF(input_gradient_of_rows)(g + row * stride, x + row * stride, dx + row * stride, stride, count, width, pivot, scale, \
                              shift, slope, offset, rectifies, streams)
  if (OF(writes_together)(dx, stride, width, streams)) {
    for (; row + WRITTEN <= rows; row += WRITTEN) FIND(WRITTEN);
  }
  for (; row < rows; row++) FIND(1);
#undef FIND
}

// dx = g * scale - (x - pivot) * slope - offset.
static void OF(row_input_gradient)(
    const STORED *g, const STORED *x, STORED *dx, long stride, long rows, long width, const float *pivot,
    const float *scale, const float *shift, const float *slope, const float *offset, bool rectifies, bool streams) {
  if (rectifies) {
    if (streams) OF(rows_input_gradient)(g, x, dx, stride, rows, width, pivot, scale, shift, slope, offset, true, true);
    else OF(rows_input_gradient)(g, x, dx, stride, rows, width, pivot, scale, shift, slope, offset, true, false);
  } else {
    if (streams) OF(rows_input_gradient)(g, x, dx, stride, rows, width, pivot, scale, shift, slope, offset, false, true);
    else OF(rows_input_gradient)(g, x, dx, stride, rows, width, pivot, scale, shift, slope, offset, false, false);
  }
}
#undef WRITTEN
