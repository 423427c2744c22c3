// Products of shifted rows, which convolutions consist of.
// Part of kernels_body.h, which see. Unlike those of normalization, these sums may contract products and sums to one
// instruction, so their bits are those of the instruction set, as a matrix product's are.
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
// may `residual`, which is added where y is. If `accumulates`, to what y holds.
static void NAME(shifted_rows)(
    const float *x, const int *places, const int *results, long rows, const int *segments, const int *lengths,
    long segmentCount, const float *weights, float *y, long columns, const float *bias, const float *residual,
    bool accumulates, bool rectifies) {
  if (columns == LANES && !bias && !residual && !rectifies) {
    NAME(shifted_rows_of_block)(
        x, places, results, rows, segments, lengths, segmentCount, weights, y, LANES, NULL, NULL, accumulates, false);
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
#pragma STDC FP_CONTRACT ON
  vf sum[ROWS];
  for (int k = 0; k < count; k++) sum[k] = NAME(load)(sums + k * stride);
#pragma clang loop unroll_count(4)
  for (long r = 0; r < rows; r++) {
    const float *values = x + places[r];
    const vf v = NAME(load)(g + results[r]);
#pragma clang loop unroll(full)
    for (int k = 0; k < count; k++) sum[k] += values[k] * v;
  }
  for (int k = 0; k < count; k++) NAME(store)(sums + k * stride, sum[k]);
}

// sums[j][c] += Σ x[places[r] + segment + k] · g[results[r] + c] over rows r, for LANES columns c, where j counts the k of
// all segments, and row j of `sums` begins at j · stride.
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

// Depthwise: y[results[r] + c] = Σ x[places[r] + taps[t] + c] · weights[t · channels + c] for all channels c, plus bias[c] and
// residual[results[r] + c] where they are not NULL, and ReLU.
static void NAME(depthwise)(
    const float *x, const int *places, const int *results, long rows, const int *taps, long tapCount,
    const float *weights, float *y, long channels, const float *bias, const float *residual, bool rectifies) {
#pragma STDC FP_CONTRACT ON
  long c = 0;
  for (; c + LANES <= channels; c += LANES) {
    const vf start = bias ? NAME(load)(bias + c) : (vf){0};
    for (long r = 0; r < rows; r++) {
      const float *values = x + places[r] + c;
      vf sum = start;
      for (long t = 0; t < tapCount; t++) sum += NAME(load)(values + taps[t]) * NAME(load)(weights + t * channels + c);
      if (residual) sum += NAME(load)(residual + results[r] + c);
      NAME(store)(y + results[r] + c, rectifies ? NAME(rectify)(sum) : sum);
    }
  }
  for (; c < channels; c++) {
    for (long r = 0; r < rows; r++) {
      float sum = bias ? bias[c] : 0;
      for (long t = 0; t < tapCount; t++) sum += x[places[r] + taps[t] + c] * weights[t * channels + c];
      if (residual) sum += residual[results[r] + c];
      y[results[r] + c] = rectifies && sum <= 0 ? 0 : sum;
    }
  }
}

// Depthwise: sums[t · channels + c] += Σ x[places[r] + taps[t] + c] · g[results[r] + c] over rows r.
static void NAME(depthwise_gradient)(
    const float *x, const int *places, const float *g, const int *results, long rows, const int *taps, long tapCount,
    float *sums, long channels) {
#pragma STDC FP_CONTRACT ON
  for (long t = 0; t < tapCount; t++) {
    const float *values = x + taps[t];
    float *target = sums + t * channels;
    long c = 0;
    for (; c + LANES <= channels; c += LANES) {
      vf sum = NAME(load)(target + c);
      for (long r = 0; r < rows; r++) sum += NAME(load)(values + places[r] + c) * NAME(load)(g + results[r] + c);
      NAME(store)(target + c, sum);
    }
    for (; c < channels; c++) {
      float sum = target[c];
      for (long r = 0; r < rows; r++) sum += values[places[r] + c] * g[results[r] + c];
      target[c] = sum;
    }
  }
}
