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

// A chain of a depthwise convolution's terms for LANES channels, and for one.
static inline __attribute__((always_inline)) vf NAME(depthwise_block)(
    const float *values, const int *taps, long tapCount, const float *weights, long channels) {
  vf sum = {0};
  for (long t = 0; t < tapCount; t++) {
    sum = MULTIPLY_ADD(NAME(load)(values + taps[t]), NAME(load)(weights + t * channels), sum);
  }
  return sum;
}
static inline __attribute__((always_inline)) float NAME(depthwise_value)(
    const float *values, const int *taps, long tapCount, const float *weights, long channels) {
  float sum = 0;
  for (long t = 0; t < tapCount; t++) sum = MULTIPLY_ADD(values[taps[t]], weights[t * channels], sum);
  return sum;
}

// Depthwise: y[results[r] + c] = Σ x[places[r] + taps[t] + c] · weights[t · channels + c] for all channels c, plus bias[c] and
// residual[results[r] + c] where they are not NULL, and ReLU. If `accumulates`, the sum is added to what y holds.
static void NAME(depthwise)(
    const float *x, const int *places, const int *results, long rows, const int *taps, long tapCount,
    const float *weights, float *y, long channels, const float *bias, const float *residual, bool accumulates,
    bool rectifies) {
  long c = 0;
  for (; c + LANES <= channels; c += LANES) {
    for (long r = 0; r < rows; r++) {
      float *target = y + results[r] + c;
      vf v = NAME(depthwise_block)(x + places[r] + c, taps, tapCount, weights + c, channels);
      if (accumulates) v = NAME(load)(target) + v;
      if (bias) v += NAME(load)(bias + c);
      if (residual) v += NAME(load)(residual + results[r] + c);
      NAME(store)(target, rectifies ? NAME(rectify)(v) : v);
    }
  }
  for (; c < channels; c++) {
    for (long r = 0; r < rows; r++) {
      float *target = y + results[r] + c;
      float v = NAME(depthwise_value)(x + places[r] + c, taps, tapCount, weights + c, channels);
      if (accumulates) v = *target + v;
      if (bias) v += bias[c];
      if (residual) v += residual[results[r] + c];
      *target = rectifies && v <= 0 ? 0 : v;
    }
  }
}

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
