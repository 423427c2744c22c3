// Products of shifted rows for columns that fit into one vector.
// Part of convolution.h, which includes it once for each width of vector: VECTOR is its type, TILE_ROWS how many rows have
// their sums in registers at once, and WIDE(x) gives the names of that width.

// `rows` rows, at most TILE_ROWS, of a product: one vector of columns, of which `columns` are read and written. Where the weights
// of the next product follow, they are fetched meanwhile: `ahead` is how far they are.
static inline __attribute__((always_inline)) void WIDE(shifted_tile)(
    int rows, const float *x, const int *places, const int *results, const int *segments, const int *lengths,
    long segmentCount, const float *weights, long ahead, float *y, long columns, const float *bias,
    const float *residual, bool accumulates, bool rectifies, const float *bounds) {
  // All loops over rows are unrolled, and no sum's address is taken: so the sums stay in registers.
  VECTOR sums[TILE_ROWS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) sums[r] = (VECTOR){0};
  for (long s = 0; s < segmentCount; s++) {
    const float *row[TILE_ROWS];
    for (int r = 0; r < rows; r++) row[r] = x + places[r] + segments[s];
    for (long k = 0; k < lengths[s]; k++) {
      const VECTOR w = *(const VECTOR *)weights;
      __builtin_prefetch(weights + ahead, 0, 2);
      weights += LANES;
#pragma clang loop unroll(full)
      for (int r = 0; r < rows; r++) sums[r] = MULTIPLY_ADD(SPLAT(VECTOR, row[r][k]), w, sums[r]);
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    VECTOR v = sums[r];
    if (accumulates) {
      VECTOR before = {0};
      NAME(copy)((float *)&before, y + results[r], columns);
      v = before + v;
    }
    if (bias) v += *(const VECTOR *)bias;
    if (residual) {
      VECTOR other = {0};
      NAME(copy)((float *)&other, residual + results[r], columns);
      v += other;
    }
    if (rectifies) v = RECTIFIED(v);
    if (bounds) v = BOUNDED(v, bounds[0], bounds[1]);
    NAME(copy)(y + results[r], (const float *)&v, columns);
  }
}

static inline __attribute__((always_inline)) void WIDE(shifted_rows)(
    const float *x, const int *places, const int *results, long rows, const int *segments, const int *lengths,
    long segmentCount, const float *weights, float *y, long columns, const float *bias, const float *residual,
    bool accumulates, bool rectifies, const float *bounds) {
#define TILE(count) \
  WIDE(shifted_tile)( \
      count, x, places + row, results + row, segments, lengths, segmentCount, weights, ahead, y, columns, bias, residual, \
      accumulates, rectifies, bounds)
  long ahead = 0, row = 0;
  for (long s = 0; s < segmentCount; s++) ahead += lengths[s] * LANES;
  while (row < rows) {
    // Tiles of one to three rows take as long as one of four: rather two that share the last whole one's rows and these.
    const long left = rows - row, most = TILE_ROWS;
    const long next = left <= most ? left : most >= 4 && left < most + 4 ? (left + 1) / 2 : most;
    switch (next) {
#define CASE(count) case count: if (count <= TILE_ROWS) TILE(count); break;
      CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
#undef CASE
    }
    row += next;
  }
#undef TILE
}
