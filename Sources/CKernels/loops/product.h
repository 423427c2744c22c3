// Matrix products.
// Part of kernels_body.h, which see.
//
// An element is a sum over terms, x[k] · w[k]: blocks of NORMA_TERMS terms in their order, in a block one chain of fused
// multiply-adds from zero, block after block added to what was there. Neither the height and the width of a tile, nor the order of the
// tiles changes that.
//
// The right factor is read in panels of LANES columns: term k of panel p begins at b[p · panelStep + k · termStep], whether that is
// a copy, made by `pack_rows` or `pack_columns`, or the matrix as it lies.

// What a tile is computed from: a block of terms, and where the results go.
typedef struct {
  const float *a, *b;
  float *c;
  long rowStep, innerStep, panelStep, termStep, terms, stride, columns;
  const float *bias;
  bool accumulates, rectifies;
} NAME(product_part);

#define VECTOR vf
#define WIDTH LANES
#define WIDE(x) NAME(product_##x)
#include "product_tile.h"
#undef VECTOR
#undef WIDTH
#undef WIDE

// The last columns where they are few: half a panel.
#define VECTOR vo
#define WIDTH 8
#define WIDE(x) NAME(product_half_##x)
#include "product_tile.h"
#undef VECTOR
#undef WIDTH
#undef WIDE

// The tiles there are, by their rows, and their panels: a half, 1, 2, 4 or 8.
#define TILE(r, p) \
  static __attribute__((noinline)) void NAME(product_tile_##r##x##p)(const NAME(product_part) *part) { \
    if (part->rowStep == 1) NAME(product_tile)(r, p, part, 1); else NAME(product_tile)(r, p, part, part->rowStep); \
  }
#define HALF_TILE(r) \
  static __attribute__((noinline)) void NAME(product_half_tile_##r)(const NAME(product_part) *part) { \
    if (part->rowStep == 1) NAME(product_half_tile)(r, 1, part, 1); \
    else NAME(product_half_tile)(r, 1, part, part->rowStep); \
  }
#include "product_tiles.h"
#undef TILE
#undef HALF_TILE
static void (*const NAME(product_tiles)[ROWS + 1][5])(const NAME(product_part) *) = {
#define TILE(r, p) [r][p == 8 ? 4 : p / 2 + 1] = NAME(product_tile_##r##x##p),
#define HALF_TILE(r) [r][0] = NAME(product_half_tile_##r),
#include "product_tiles.h"
#undef TILE
#undef HALF_TILE
};

// c = a·b for a block of terms, or c += a·b if `accumulates`; then bias[j], which may be NULL, is added to each row, and ReLU
// applied. Row r and term k of the left factor stand at a[r · rowStep + k · innerStep].
static void NAME(product)(
    const float *a, long rowStep, long innerStep, const float *b, long panelStep, long termStep, float *c, long stride,
    long rows, long terms, long columns, bool accumulates, const float *bias, bool rectifies) {
  // Tiles of one height, as near as may be, and as wide as the registers allow. Rows some pages apart share few lines of the first
  // cache: six of them can be held there.
  const long tallest = ROWS > 6 && rowStep % 1024 == 0 ? 6 : ROWS;
  const long tiles = (rows + tallest - 1) / tallest, height = (rows + tiles - 1) / tiles;
  int most = 4;
  while (!NAME(product_tiles)[height][most]) most--;
  NAME(product_part) part = {
      a, b, c, rowStep, innerStep, panelStep, termStep, terms, stride, columns, bias, accumulates, rectifies};
  while (part.columns > 0) {
    const long halves = (part.columns + LANES / 2 - 1) / (LANES / 2);
    int width = most;
    while (halves >> width == 0) width--;
    part.a = a;
    part.c = c;
    for (long r = 0, i = 0; i < tiles; i++) {
      const long end = (i + 1) * rows / tiles;
      NAME(product_tiles)[end - r][width](&part);
      part.a += (end - r) * rowStep;
      part.c += (end - r) * stride;
      r = end;
    }
    const long panels = (1 << width) / 2, step = panels * LANES;
    if (panels == 0) break;
    part.columns -= step;
    part.b += panels * panelStep;
    if (bias) part.bias += step;
    c += step;
  }
}

// Panels of a matrix whose columns of terms stand side by side: to[p][k][j] = from[k · stride + p · LANES + j], with zeros beyond the
// last column.
static void NAME(pack_rows)(const float *from, long stride, long terms, long columns, float *to) {
  for (long first = 0; first < columns; first += LANES) {
    for (long k = 0; k < terms; k++, to += LANES) {
      NAME(store)(to, NAME(load_some)(from + k * stride + first, columns - first));
    }
  }
}

// Eight columns of a panel, of which `count` are there.
static inline __attribute__((always_inline)) void NAME(pack_eight_columns)(
    const float *from, long stride, long terms, long count, float *to) {
  const vi8 lanes = {0, 1, 2, 3, 4, 5, 6, 7};
  const vi8 inside = lanes < (int)count;
  long k = 0;
  for (; k + 8 <= terms; k += 8) {
    vo r[8];
    NAME(load_transposed)(from + k, stride, count, r);
    FOR(i, 8) *(vo *)(to + (k + i) * LANES) = count < 8 ? (vo)((vi8)r[i] & inside) : r[i];
  }
  for (; k < terms; k++) {
    for (long j = 0; j < 8; j++) to[k * LANES + j] = j < count ? from[j * stride + k] : 0;
  }
}

// The same for a matrix that is stored transposed: to[p][k][j] = from[(p · LANES + j) · stride + k].
static void NAME(pack_columns)(const float *from, long stride, long terms, long columns, float *to) {
  for (; columns > 0; columns -= LANES, from += LANES * stride, to += LANES * terms) {
    for (long j = 0; j < LANES; j += 8) {
      const long count = columns - j;
      if (count >= 8) {
        NAME(pack_eight_columns)(from + j * stride, stride, terms, 8, to + j);
      } else if (count > 0) {
        NAME(pack_eight_columns)(from + j * stride, stride, terms, count, to + j);
      } else {
        for (long k = 0; k < terms; k++) *(vo *)(to + k * LANES + j) = (vo){0};
      }
    }
  }
}

// A matrix that was computed transposed: to[i][j] = from[j][i] + bias[j], which may be NULL, and ReLU, for i below `rows` and j below
// `columns`.
static void NAME(write_transposed)(
    const float *from, long stride, float *to, long resultStride, long rows, long columns, const float *bias,
    bool rectifies) {
  long j = 0;
  for (; j + 8 <= columns; j += 8) {
    const vo terms = bias ? *(const vo *)(bias + j) : (vo){0};
    long i = 0;
    for (; i + 8 <= rows; i += 8) {
      vo r[8];
      NAME(load_transposed)(from + j * stride + i, stride, 8, r);
      FOR(q, 8) {
        const vo v = bias ? r[q] + terms : r[q];
        *(vo *)(to + (i + q) * resultStride + j) = rectifies ? RECTIFIED(v) : v;
      }
    }
    for (; i < rows; i++) {
      vo r;
      FOR(q, 8) r[q] = from[(j + q) * stride + i];
      if (bias) r += terms;
      *(vo *)(to + i * resultStride + j) = rectifies ? RECTIFIED(r) : r;
    }
  }
  for (; j < columns; j++) {
    for (long i = 0; i < rows; i++) {
      const float v = bias ? from[j * stride + i] + bias[j] : from[j * stride + i];
      to[i * resultStride + j] = rectifies && v <= 0 ? 0 : v;
    }
  }
}

// `count` rows of a product with a matrix that is stored transposed, for `groups` times eight columns, of which `columns` are there, and
// `blocks` blocks of `terms` terms: see product_of_columns. A sum is one chain in a block, which takes its time: so several groups and
// blocks are done at once.
static inline __attribute__((always_inline)) void NAME(few_rows)(
    int count, int groups, int blocks, const float *a, long rowStep, const float *b, long stride, float *c, long resultStride,
    long terms, long columns, bool accumulates) {
  vo s[blocks][groups][count];
  FOR(d, blocks) FOR(g, groups) FOR(r, count) s[d][g][r] = (vo){0};
  long k = 0;
  for (; k + 8 <= terms; k += 8) {
    FOR(d, blocks) FOR(g, groups) {
      const long first = d * NORMA_TERMS + k;
      vo w[8];
      NAME(load_transposed)(b + 8 * g * stride + first, stride, columns - 8 * g, w);
      FOR(i, 8) FOR(r, count) s[d][g][r] = MULTIPLY_ADD(SPLAT(vo, a[r * rowStep + first + i]), w[i], s[d][g][r]);
    }
  }
  for (; k < terms; k++) {
    FOR(g, groups) {
      vo w = {0};
      FOR(j, 8) if (8 * g + j < columns) w[j] = b[(8 * g + j) * stride + k];
      FOR(r, count) s[0][g][r] = MULTIPLY_ADD(SPLAT(vo, a[r * rowStep + k]), w, s[0][g][r]);
    }
  }
  FOR(g, groups) FOR(r, count) {
    float *result = c + r * resultStride + 8 * g;
    const long there = columns - 8 * g < 8 ? columns - 8 * g : 8;
    vo v = s[0][g][r];
    if (accumulates) {
      vo before = {0};
      if (there == 8) before = *(const vo *)result; else NAME(copy)((float *)&before, result, there);
      v = before + v;
    }
    for (int d = 1; d < blocks; d++) v += s[d][g][r];
    if (there == 8) *(vo *)result = v; else NAME(copy)(result, (const float *)&v, there);
  }
}

// Some rows, at most four, of a product with a right factor that is stored transposed, term k of column j at b[j · stride + k]: a copy of
// it would be read but once. Blocks of NORMA_TERMS terms are added in their order.
static void NAME(product_of_columns)(
    const float *a, long rowStep, const float *b, long stride, float *c, long resultStride, long rows, long terms,
    long columns) {
#define GROUPS(count, groups, blocks, there) \
  NAME(few_rows)( \
      count, groups, blocks, a + k, rowStep, b + j * stride + k, stride, c + j, resultStride, length, there, k > 0)
// Rows some pages apart share few lines of the first cache: eight of them can be held there.
#define BLOCKS(count, blocks) \
  for (; isSpread && j + 8 < columns; j += 16) GROUPS(count, 2, blocks, columns - j); \
  for (; j < columns; j += 8) GROUPS(count, 1, blocks, columns - j);
#define CASE(count) \
  case count: \
    do { \
      const long length = terms - k < NORMA_TERMS ? terms - k : NORMA_TERMS; \
      long j = 0; \
      if (areTogether && terms - k >= 2 * NORMA_TERMS) { \
        BLOCKS(count, 2) \
        k += 2 * NORMA_TERMS; \
      } else { \
        BLOCKS(count, 1) \
        k += NORMA_TERMS; \
      } \
    } while (k < terms); \
    break;
  const bool isSpread = stride % 1024 != 0;
  // As many sums as there are registers for, and as many places of memory at once as it is asked for ahead.
  const bool areTogether = rows < 3;
  long k = 0;
  switch (rows) { CASE(1) CASE(2) CASE(3) CASE(4) }
#undef CASE
#undef BLOCKS
#undef GROUPS
}
