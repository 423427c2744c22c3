// What stands before and behind the products of Winograd's convolution, F(2×2, 3×3) of Lavin and Gray (2016).
// Part of kernels_body.h, which see.
//
// Results are computed in tiles of 2×2, each from a square of 4×4 pixels. Transformed to sixteen values, both are a
// product for each of the sixteen: row t of a product is tile t. Every result depends on its tile alone, and tiles
// begin at the image's first pixel.

// Images come from memory, and a row of tiles later their next rows are needed: these are fetched into the second cache meanwhile, which
// the products between leave time for.
//
// Functions copy what they are told of the images: vectors may alias all that lies behind a pointer.

// So many floats that sixteen vectors of them, and what is made of them, fit into the registers.
#if ROWS == 12
#define PART LANES
#define VECTOR vf
#else
#define PART 8
#define VECTOR vo
#endif
static inline __attribute__((always_inline)) VECTOR NAME(load_part)(const float *p, long columns) {
  if (columns >= PART) return *(const VECTOR *)p;
  VECTOR v = {0};
  if (columns > 0) NAME(copy)((float *)&v, p, columns);
  return v;
}

// The place of a tile, and the step to the next one: along the row, then down, then to the next image.
typedef struct {
  long across, down, image;
} NAME(tile);

static inline __attribute__((always_inline)) NAME(tile) NAME(tile_at)(norma_tiles tiles, long number) {
  const long place = number % (tiles.down * tiles.across);
  return (NAME(tile)){
      place % tiles.across, place / tiles.across,
      number / (tiles.down * tiles.across) * tiles.height * tiles.width * tiles.channels};
}

static inline __attribute__((always_inline)) void NAME(next_tile)(norma_tiles tiles, NAME(tile) *tile) {
  if (++tile->across < tiles.across) return;
  tile->across = 0;
  if (++tile->down < tiles.down) return;
  tile->down = 0;
  tile->image += tiles.height * tiles.width * tiles.channels;
}

// B'dB along one row of tiles, for the PART channels from c on, of which `columns` exist. Each column of pixels is
// brought to its four values once: neighbouring tiles share two of them. Pixel (i, k) begins at rows[i] + k · steps[i]; those that the
// next row of tiles has besides, at next + k · channels, and a row of the image behind.
static inline __attribute__((always_inline)) void NAME(winograd_source_row)(
    const float *const rows[4], const long steps[4], const float *next, long channels, long left, long width, long count,
    long c, long columns, const float *zeros, float *target, long tileStep, long stride) {
#define COLUMN(e, place) \
  do { \
    const long k = (place); \
    const bool isInside = k >= 0 && k < width; \
    VECTOR d[4]; \
    __builtin_prefetch(next + k * channels + c, 0, 2); \
    __builtin_prefetch(next + (width + k) * channels + c, 0, 2); \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < 4; i++) { \
      d[i] = NAME(load_part)((isInside ? rows[i] + k * steps[i] : zeros) + c, columns); \
    } \
    e[0] = d[0] - d[2]; \
    e[1] = d[1] + d[2]; \
    e[2] = d[2] - d[1]; \
    e[3] = d[1] - d[3]; \
  } while (0)
  VECTOR first[4], second[4], third[4], fourth[4];
  COLUMN(first, left);
  COLUMN(second, left + 1);
  for (long t = 0; t < count; t++) {
    COLUMN(third, left + 2 * t + 2);
    COLUMN(fourth, left + 2 * t + 3);
    float *place = target + t * tileStep;
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
      *(VECTOR *)place = first[i] - third[i];
      *(VECTOR *)(place + stride) = second[i] + third[i];
      *(VECTOR *)(place + 2 * stride) = third[i] - second[i];
      *(VECTOR *)(place + 3 * stride) = second[i] - fourth[i];
      place += 4 * stride;
      first[i] = third[i];
      second[i] = fourth[i];
    }
  }
#undef COLUMN
}

// Rows of the sixteen factors for `count` tiles: values[k · stride + t · width + c] for tile `first` + t, where `width`
// is the number of channels, filled up to whole vectors. `zeros` holds one for each of these and stands for pixels
// outside.
static void NAME(winograd_source)(
    const float *x, const norma_tiles *all, long first, long count, const float *zeros, float *values, long width,
    long stride) {
  const norma_tiles tiles = *all;
  const long channels = tiles.channels;
  NAME(tile) tile = NAME(tile_at)(tiles, first);
  for (long t = 0; t < count;) {
    const long rest = tiles.across - tile.across, run = rest < count - t ? rest : count - t;
    const float *rows[4];
    long steps[4];
    for (int i = 0; i < 4; i++) {
      const long y = 2 * tile.down - tiles.top + i;
      const bool isInside = y >= 0 && y < tiles.height;
      rows[i] = isInside ? x + tile.image + y * tiles.width * channels : zeros;
      steps[i] = isInside ? channels : 0;
    }
    const long left = 2 * tile.across - tiles.left;
    const float *next = x + tile.image + (2 * tile.down - tiles.top + 4) * tiles.width * channels;
    long c = 0;
#define ROW(columns) \
  NAME(winograd_source_row)( \
      rows, steps, next, channels, left, tiles.width, run, c, columns, zeros, values + t * width + c, width, stride)
    for (; c + PART <= channels; c += PART) ROW(PART);
    for (; c < width; c += PART) ROW(channels - c);
#undef ROW
    t += run;
    tile.across += run - 1;
    NAME(next_tile)(tiles, &tile);
  }
}

static inline __attribute__((always_inline)) void NAME(winograd_result_of)(
    const float *products, long stride, float *y, const norma_tiles *all, long first, long count, long columns,
    const float *bias, const float *residual, bool rectifies) {
  const norma_tiles tiles = *all;
  NAME(tile) tile = NAME(tile_at)(tiles, first);
  for (long t = 0; t < count; t++, NAME(next_tile)(tiles, &tile)) {
    const float *p = products + t * LANES;
    const long row = tiles.width * tiles.channels;
    const long next = tile.image + (2 * tile.down + 2) * row + 2 * tile.across * tiles.channels;
    FOR(i, 2) FOR(j, 2) {
      __builtin_prefetch(y + next + i * row + j * tiles.channels, 1, 2);
      if (residual) __builtin_prefetch(residual + next + i * row + j * tiles.channels, 0, 2);
    }
    vf top[4], bottom[4];
#pragma clang loop unroll(full)
    for (int j = 0; j < 4; j++) {
      const vf a = NAME(load)(p + j * stride), b = NAME(load)(p + (4 + j) * stride);
      const vf c = NAME(load)(p + (8 + j) * stride), d = NAME(load)(p + (12 + j) * stride);
      top[j] = a + b + c;
      bottom[j] = b - c - d;
    }
    for (int i = 0; i < 2; i++) {
      const vf *m = i == 0 ? top : bottom;
      if (2 * tile.down + i >= tiles.height) break;
      for (int j = 0; j < 2; j++) {
        if (2 * tile.across + j >= tiles.width) break;
        const long place =
            tile.image + ((2 * tile.down + i) * tiles.width + 2 * tile.across + j) * tiles.channels;
        vf v = j == 0 ? m[0] + m[1] + m[2] : m[1] - m[2] - m[3];
        if (bias) v += NAME(load)(bias);
        if (residual) v += NAME(load_some)(residual + place, columns);
        if (rectifies) v = NAME(rectify)(v);
        NAME(copy)(y + place, (const float *)&v, columns);
      }
    }
  }
}

// A'mA for `count` tiles and `columns` channels, at most LANES, from rows of LANES columns: y, the residual and the
// bias begin at the first of these channels, and the latter two may be NULL.
static void NAME(winograd_result)(
    const float *products, long stride, float *y, const norma_tiles *all, long first, long count, long columns,
    const float *bias, const float *residual, bool rectifies) {
  if (columns < LANES) {
    NAME(winograd_result_of)(products, stride, y, all, first, count, columns, bias, residual, rectifies);
  } else if (!bias && !residual && !rectifies) {
    NAME(winograd_result_of)(products, stride, y, all, first, count, LANES, NULL, NULL, false);
  } else {
    NAME(winograd_result_of)(products, stride, y, all, first, count, LANES, bias, residual, rectifies);
  }
}

// AgA' of the results' gradient: values[k · stride + t · width + c] for tile `first` + t.
static void NAME(winograd_gradient)(
    const float *g, const norma_tiles *all, long first, long count, const float *zeros, float *values, long width,
    long stride) {
  const norma_tiles tiles = *all;
  const long channels = tiles.channels;
  NAME(tile) tile = NAME(tile_at)(tiles, first);
  for (long t = 0; t < count; t++, NAME(next_tile)(tiles, &tile)) {
    const float *pixels[4];
    for (int k = 0; k < 4; k++) {
      const long y = 2 * tile.down + k / 2, z = 2 * tile.across + k % 2;
      const bool isInside = y < tiles.height && z < tiles.width;
      pixels[k] = isInside ? g + tile.image + (y * tiles.width + z) * channels : zeros;
    }
    const float *next = g + tile.image + (2 * (tile.down + 1) * tiles.width + 2 * tile.across) * channels;
    for (long c = 0; c < channels; c += LANES) {
      vf d[4];
      FOR(k, 4) {
        __builtin_prefetch(next + (k / 2 * tiles.width + k % 2) * channels + c, 0, 2);
        d[k] = NAME(load_some)(pixels[k] + c, channels - c);
      }
      float *target = values + t * width + c;
#pragma clang loop unroll(full)
      for (int i = 0; i < 4; i++) {
        const vf left = i == 0 ? d[0] : (i == 1 ? d[0] + d[2] : (i == 2 ? d[0] - d[2] : -d[2]));
        const vf right = i == 0 ? d[1] : (i == 1 ? d[1] + d[3] : (i == 2 ? d[1] - d[3] : -d[3]));
        NAME(store)(target, left);
        NAME(store)(target + stride, left + right);
        NAME(store)(target + 2 * stride, left - right);
        NAME(store)(target + 3 * stride, -right);
        target += 4 * stride;
      }
    }
  }
}
#undef PART
#undef VECTOR
