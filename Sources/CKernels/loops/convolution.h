// Products of shifted rows, which convolutions consist of.
// Part of kernels_body.h, which see. A sum is a chain from zero, each term added with one rounding; what comes after it, to what
// a result holds already, bias, residual and ReLU, is an operation of its own. So neither the width of a vector nor the number
// of rows that are done together changes a bit.
//
// A row of the factor is the values that a kernel window covers at one position: segments, which lie at the same distances
// from the position's own place in memory for every position. So nothing is copied to form the factor.

#define VECTOR vf
#define TILE_ROWS ROWS
#define WIDE(x) NAME(x##_of_block)
#include "shifted_rows.h"
#undef VECTOR
#undef TILE_ROWS
#undef WIDE

// The few columns after the last whole block: half a vector, and as many rows as there are registers for their places.
#define VECTOR vo
#define TILE_ROWS (ROWS < 6 ? 4 : 8)
#define WIDE(x) NAME(x##_of_half_block)
#include "shifted_rows.h"
#undef VECTOR
#undef TILE_ROWS
#undef WIDE

// y[results[r] + c] = Σ x[places[r] + segment + k] · weights[…][c] for `columns` columns c, at most LANES, and all
// segments. `weights` holds LANES columns for each k, those beyond `columns` zero; so does `bias`, which may be NULL, as
// may `residual`, which is added where y is, and `bounds`, whose nearer replaces what is beyond them. If `accumulates`, the sum is
// added to what y holds.
static void NAME(shifted_rows)(
    const float *x, const int *places, const int *results, long rows, const int *segments, const int *lengths,
    long segmentCount, const float *weights, float *y, long columns, const float *bias, const float *residual,
    bool accumulates, bool rectifies, const float *bounds) {
  if (columns == LANES && !bias && !residual && !accumulates && !rectifies && !bounds) {
    NAME(shifted_rows_of_block)(
        x, places, results, rows, segments, lengths, segmentCount, weights, y, LANES, NULL, NULL, false, false,
        NULL);
  } else if (columns == LANES) {
    NAME(shifted_rows_of_block)(
        x, places, results, rows, segments, lengths, segmentCount, weights, y, LANES, bias, residual, accumulates,
        rectifies, bounds);
  } else if (columns > LANES / 2) {
    NAME(shifted_rows_of_block)(
        x, places, results, rows, segments, lengths, segmentCount, weights, y, columns, bias, residual, accumulates,
        rectifies, bounds);
  } else {
    NAME(shifted_rows_of_half_block)(
        x, places, results, rows, segments, lengths, segmentCount, weights, y, columns, bias, residual, accumulates,
        rectifies, bounds);
  }
}

// `count` neighbouring rows of the weights' gradient, at most ROWS: one vector of columns, the sums in registers.
static inline __attribute__((always_inline)) void NAME(shifted_gradient_tile)(
    int count, const float *x, const int *places, const float *g, const int *results, long rows, float *sums,
    long stride) {
  vf sum[ROWS];
  for (int k = 0; k < count; k++) sum[k] = (vf){0};
#pragma clang loop unroll_count(4)
  for (long r = 0; r < rows; r++) {
    const float *values = x + places[r];
    const vf v = NAME(load)(g + results[r]);
#pragma clang loop unroll(full)
    for (int k = 0; k < count; k++) sum[k] = MULTIPLY_ADD(NAME(splat)(values[k]), v, sum[k]);
  }
  for (int k = 0; k < count; k++) NAME(store)(sums + k * stride, NAME(load)(sums + k * stride) + sum[k]);
}

// sums[j][c] += Σ x[places[r] + segment + k] · g[results[r] + c], the sum over rows r being a chain of its own, for LANES columns
// c, where j counts the k of all segments, and row j of `sums` begins at j · stride.
static void NAME(shifted_rows_gradient)(
    const float *x, const int *places, const float *g, const int *results, long rows, const int *segments,
    const int *lengths, long segmentCount, float *sums, long stride) {
#define TILE(count) \
  NAME(shifted_gradient_tile)(count, x + segments[s] + k, places, g, results, rows, sums + k * stride, stride)
  for (long s = 0; s < segmentCount; s++) {
    const long length = lengths[s];
    long k = 0;
    for (; k + ROWS <= length; k += ROWS) TILE(ROWS);
    if (ROWS > 8 && k + 8 <= length) { TILE(8); k += 8; }
    if (ROWS > 4 && k + 4 <= length) { TILE(4); k += 4; }
    if (ROWS > 2 && k + 2 <= length) { TILE(2); k += 2; }
    for (; k < length; k++) TILE(1);
    sums += length * stride;
  }
#undef TILE
}

// Rows of a depthwise convolution whose sums are in registers at once: what one weight is read for.
#define SIDE_BY_SIDE (ROWS < 4 ? 2 : ROWS < 12 ? 4 : 8)
// Channels that are gone through for all rows before the next, so that their weights stay in the first cache.
#define DEPTHWISE_CHANNELS 64

// What follows the sums of `rows` rows.
#define FINISH(vector) \
  FOR(r, rows) { \
    vector *target = (vector *)(y + results[r]), v = sums[r]; \
    if (accumulates) v = *target + v; \
    if (bias) v += *(const vector *)bias; \
    if (residual) v += *(const vector *)(residual + results[r]); \
    if (rectifies) v = RECTIFIED(v); \
    if (bounds) v = BOUNDED(v, bounds[0], bounds[1]); \
    *target = v; \
  }

// `rows` rows of one vector of channels.
#define DEFINE_DEPTHWISE_TILE(vector) \
  static inline __attribute__((always_inline)) void NAME(depthwise_tile_##vector)( \
      int rows, const float *x, const int *places, const int *results, const int *taps, long tapCount, \
      const float *weights, long channels, float *y, const float *bias, const float *residual, bool accumulates, \
      bool rectifies, const float *bounds) { \
    vector sums[SIDE_BY_SIDE]; \
    const float *values[SIDE_BY_SIDE]; \
    FOR(r, rows) sums[r] = (vector){0}; \
    FOR(r, rows) values[r] = x + places[r]; \
    for (long t = 0; t < tapCount; t++, weights += channels) { \
      const vector w = *(const vector *)weights; \
      FOR(r, rows) sums[r] = MULTIPLY_ADD(*(const vector *)(values[r] + taps[t]), w, sums[r]); \
    } \
    FINISH(vector) \
  }
DEFINE_DEPTHWISE_TILE(vf)
DEFINE_DEPTHWISE_TILE(vo)
#undef DEFINE_DEPTHWISE_TILE

// One channel of one row.
static inline __attribute__((always_inline)) void NAME(depthwise_value)(
    const float *x, int place, int result, const int *taps, long tapCount, const float *weights, long channels, float *y,
    const float *bias, const float *residual, bool accumulates, bool rectifies, const float *bounds) {
  float sum = 0;
  for (long t = 0; t < tapCount; t++) sum = MULTIPLY_ADD(x[place + taps[t]], weights[t * channels], sum);
  float v = sum;
  if (accumulates) v = y[result] + v;
  if (bias) v += *bias;
  if (residual) v += residual[result];
  if (rectifies && v <= 0) v = 0;
  if (bounds) v = v < bounds[0] ? bounds[0] : v > bounds[1] ? bounds[1] : v;
  y[result] = v;
}

#if ROWS >= 12
// `rows` rows of one vector of channels, `pixels` · `step` apart, and taps that come in runs of `run` with `step` from one to the next:
// what neighbouring rows take in is mostly the same, and is read once for all. Takes as many registers as AVX-512 has.
static inline __attribute__((always_inline)) void NAME(depthwise_runs)(
    int rows, int run, int pixels, long step, const float *x, const int *results, const int *taps, long tapCount,
    const float *weights, long channels, float *y, const float *bias, const float *residual, bool rectifies,
    const float *bounds) {
  const bool accumulates = false;
  vf sums[8], w[7];
  FOR(r, rows) sums[r] = (vf){0};
  for (long t = 0; t < tapCount; t += run, weights += run * channels) {
    FOR(k, run) w[k] = NAME(load)(weights + k * channels);
    const float *values = x + taps[t];
    FOR(j, (rows - 1) * pixels + run) {
      const vf v = NAME(load)(values + j * step);
      // In the order of the taps for each row.
      FOR(k, run) {
        const int row = (j - k) / pixels;
        if (j >= k && (j - k) % pixels == 0 && row < rows) sums[row] = MULTIPLY_ADD(v, w[k], sums[row]);
      }
    }
  }
  FINISH(vf)
}

// How many taps stand side by side, `step` from one to the next, if all come in runs of so many; else 0.
static long NAME(run_of_taps)(const int *taps, long tapCount, long step) {
  long run = 1;
  while (run < tapCount && taps[run] - taps[run - 1] == step) run++;
  if (tapCount % run != 0) return 0;
  for (long t = run; t < tapCount; t++) {
    if (t % run != 0 && taps[t] - taps[t - 1] != step) return 0;
  }
  return run;
}

// How many rows, from 5 to 8, the next tile of runs takes, so that the last of those as far apart from each other has as many
// as the others; 0 where there are fewer.
static long NAME(rows_of_runs)(const int *places, long rows, long apart) {
  long count = 1;
  while (count < rows && count < 16 && places[count] - places[count - 1] == apart) count++;
  return count < 5 ? 0 : count <= 8 ? count : count < 16 ? (count + 1) / 2 : 8;
}
#endif
#undef FINISH

// Depthwise: y[results[r] + c] = Σ x[places[r] + taps[t] + c] · weights[t · channels + c] for all channels c, plus bias[c] and
// residual[results[r] + c] where they are not NULL, ReLU, and the nearer of two bounds where they are not NULL. If `accumulates`, the
// sum is added to what y holds.
static void NAME(depthwise)(
    const float *x, const int *places, const int *results, long rows, const int *taps, long tapCount,
    const float *weights, float *y, long channels, const float *bias, const float *residual, bool accumulates,
    bool rectifies, const float *bounds) {
#define TILE(vector, count) \
  NAME(depthwise_tile_##vector)( \
      count, x + c, places + row, results + row, taps, tapCount, weights + c, channels, y + c, bias ? bias + c : NULL, \
      residual ? residual + c : NULL, accumulates, rectifies, bounds)
#define TILES(count) \
  { \
    long c = first; \
    for (; c + LANES <= end; c += LANES) TILE(vf, count); \
    if (c + LANES / 2 <= end) { TILE(vo, count); c += LANES / 2; } \
    for (; c < end; c++) { \
      for (int r = 0; r < (count); r++) { \
        NAME(depthwise_value)( \
            x + c, places[row + r], results[row + r], taps, tapCount, weights + c, channels, y + c, \
            bias ? bias + c : NULL, residual ? residual + c : NULL, accumulates, rectifies, bounds); \
      } \
    } \
    row += (count); \
  }
#if ROWS >= 12
  const long step = tapCount > 1 ? taps[1] - taps[0] : 0;
  const long run = accumulates || channels < LANES ? 0 : NAME(run_of_taps)(taps, tapCount, step);
#define RUN(count, length, pixels) \
  case 64 * (count) + 8 * (length) + (pixels): \
    for (long c = first; c < end; c += LANES) { \
      /* The last vector ends with the last channel, and computes some once more. */ \
      if (c + LANES > end) c = end - LANES; \
      NAME(depthwise_runs)( \
          count, length, pixels, step, x + places[row] + c, results + row, taps, tapCount, weights + c, channels, y + c, \
          bias ? bias + c : NULL, residual ? residual + c : NULL, rectifies, bounds); \
    } \
    row += (count); \
    continue;
#define RUNS(length, pixels) RUN(5, length, pixels) RUN(6, length, pixels) RUN(7, length, pixels) RUN(8, length, pixels)
#endif
  for (long first = 0, end; first < channels; first = end) {
    end = channels - first < DEPTHWISE_CHANNELS + LANES ? channels : first + DEPTHWISE_CHANNELS;
    for (long row = 0; row < rows;) {
#if ROWS >= 12
      const long apart = run > 1 && row + 1 < rows ? places[row + 1] - places[row] : 0;
      const long pixels = apart == step ? 1 : apart == 2 * step ? 2 : 0;
      const long together = pixels == 0 || apart == 0 ? 0 : NAME(rows_of_runs)(places + row, rows - row, apart);
      switch (64 * together + 8 * run + pixels) { RUNS(3, 1) RUNS(3, 2) RUNS(5, 1) RUNS(5, 2) RUNS(7, 1) RUNS(7, 2) }
#endif
      if (row + SIDE_BY_SIDE <= rows) TILES(SIDE_BY_SIDE) else TILES(1)
    }
  }
#undef RUNS
#undef RUN
#undef TILES
#undef TILE
}
#undef SIDE_BY_SIDE
#undef DEPTHWISE_CHANNELS

// Depthwise: sums[t · channels + c] += Σ x[places[r] + taps[t] + c] · g[results[r] + c], the sum over rows r being a chain of its
// own.
static void NAME(depthwise_gradient)(
    const float *x, const int *places, const float *g, const int *results, long rows, const int *taps, long tapCount,
    float *sums, long channels) {
  for (long t = 0; t < tapCount; t++) {
    const float *values = x + taps[t];
    float *target = sums + t * channels;
    long c = 0;
    for (; c + LANES <= channels; c += LANES) {
      vf sum = {0};
      for (long r = 0; r < rows; r++) {
        sum = MULTIPLY_ADD(NAME(load)(values + places[r] + c), NAME(load)(g + results[r] + c), sum);
      }
      NAME(store)(target + c, NAME(load)(target + c) + sum);
    }
    for (; c < channels; c++) {
      float sum = 0;
      for (long r = 0; r < rows; r++) sum = MULTIPLY_ADD(values[places[r] + c], g[results[r] + c], sum);
      target[c] += sum;
    }
  }
}
