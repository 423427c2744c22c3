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
// may `residual`, which is added where y is. If `accumulates`, the sum is added to what y holds.
static void NAME(shifted_rows)(
    const float *x, const int *places, const int *results, long rows, const int *segments, const int *lengths,
    long segmentCount, const float *weights, float *y, long columns, const float *bias, const float *residual,
    bool accumulates, bool rectifies) {
  if (columns == LANES && !bias && !residual && !accumulates && !rectifies) {
    NAME(shifted_rows_of_block)(
        x, places, results, rows, segments, lengths, segmentCount, weights, y, LANES, NULL, NULL, false, false);
  } else if (columns == LANES) {
    NAME(shifted_rows_of_block)(
        x, places, results, rows, segments, lengths, segmentCount, weights, y, LANES, bias, residual, accumulates,
        rectifies);
  } else if (columns > LANES / 2) {
    NAME(shifted_rows_of_block)(
        x, places, results, rows, segments, lengths, segmentCount, weights, y, columns, bias, residual, accumulates,
        rectifies);
  } else {
    NAME(shifted_rows_of_half_block)(
        x, places, results, rows, segments, lengths, segmentCount, weights, y, columns, bias, residual, accumulates,
        rectifies);
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

// `rows` rows of one vector of channels.
#define DEFINE_DEPTHWISE_TILE(vector) \
  static inline __attribute__((always_inline)) void NAME(depthwise_tile_##vector)( \
      int rows, const float *x, const int *places, const int *results, const int *taps, long tapCount, \
      const float *weights, long channels, float *y, const float *bias, const float *residual, bool accumulates, \
      bool rectifies) { \
    vector sums[SIDE_BY_SIDE]; \
    const float *values[SIDE_BY_SIDE]; \
    FOR(r, rows) sums[r] = (vector){0}; \
    FOR(r, rows) values[r] = x + places[r]; \
    for (long t = 0; t < tapCount; t++, weights += channels) { \
      const vector w = *(const vector *)weights; \
      FOR(r, rows) sums[r] = MULTIPLY_ADD(*(const vector *)(values[r] + taps[t]), w, sums[r]); \
    } \
    FOR(r, rows) { \
      vector *target = (vector *)(y + results[r]), v = sums[r]; \
      if (accumulates) v = *target + v; \
      if (bias) v += *(const vector *)bias; \
      if (residual) v += *(const vector *)(residual + results[r]); \
      *target = rectifies ? RECTIFIED(v) : v; \
    } \
  }
DEFINE_DEPTHWISE_TILE(vf)
DEFINE_DEPTHWISE_TILE(vo)
#undef DEFINE_DEPTHWISE_TILE

// One channel of one row.
static inline __attribute__((always_inline)) void NAME(depthwise_value)(
    const float *x, int place, int result, const int *taps, long tapCount, const float *weights, long channels, float *y,
    const float *bias, const float *residual, bool accumulates, bool rectifies) {
  float sum = 0;
  for (long t = 0; t < tapCount; t++) sum = MULTIPLY_ADD(x[place + taps[t]], weights[t * channels], sum);
  float v = sum;
  if (accumulates) v = y[result] + v;
  if (bias) v += *bias;
  if (residual) v += residual[result];
  y[result] = rectifies && v <= 0 ? 0 : v;
}

// Depthwise: y[results[r] + c] = Σ x[places[r] + taps[t] + c] · weights[t · channels + c] for all channels c, plus bias[c] and
// residual[results[r] + c] where they are not NULL, and ReLU. If `accumulates`, the sum is added to what y holds.
static void NAME(depthwise)(
    const float *x, const int *places, const int *results, long rows, const int *taps, long tapCount,
    const float *weights, float *y, long channels, const float *bias, const float *residual, bool accumulates,
    bool rectifies) {
#define TILE(vector, count) \
  NAME(depthwise_tile_##vector)( \
      count, x + c, places + row, results + row, taps, tapCount, weights + c, channels, y + c, bias ? bias + c : NULL, \
      residual ? residual + c : NULL, accumulates, rectifies)
#define TILES(count) \
  for (; row + (count) <= rows; row += (count)) { \
    long c = first; \
    for (; c + LANES <= end; c += LANES) TILE(vf, count); \
    if (c + LANES / 2 <= end) { TILE(vo, count); c += LANES / 2; } \
    for (; c < end; c++) { \
      for (int r = 0; r < (count); r++) { \
        NAME(depthwise_value)( \
            x + c, places[row + r], results[row + r], taps, tapCount, weights + c, channels, y + c, \
            bias ? bias + c : NULL, residual ? residual + c : NULL, accumulates, rectifies); \
      } \
    } \
  }
  for (long first = 0; first < channels; first += DEPTHWISE_CHANNELS) {
    const long end = first + DEPTHWISE_CHANNELS < channels ? first + DEPTHWISE_CHANNELS : channels;
    long row = 0;
    TILES(SIDE_BY_SIDE)
    TILES(1)
  }
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
