// What is done together with rows that have statistics of their own; the sums of short ones, by their columns.
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
  NAME(strip_moments)(columns, LANES, channels, 1, true, base, sum, square);
  for (int i = 0; i < LANES; i++) {
    sums[i] = sum[i];
    squares[i] = square[i];
  }
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
