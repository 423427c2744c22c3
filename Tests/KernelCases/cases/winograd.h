// The cases of CKernels/loops/winograd.h.

// Images of even and odd sides, with the tiles before the first pixel that a padding of up to two makes.
#define EACH_IMAGES(tiles) \
  EACH(height, 1, 2, 5) EACH(width, 2, 3, 8) EACH(channels, 16, 21, 40) EACH(padding, 0, 1, 2) \
    for (norma_tiles tiles = tiles_of(height, width, channels, padding), *once = &tiles; once; once = NULL)

enum { IMAGES = 2 };

static norma_tiles tiles_of(long height, long width, long channels, long padding) {
  return (norma_tiles){
      height, width, channels, (height + 2 * padding) / 2 + 1, (width + 2 * padding) / 2 + 1, padding, padding};
}

// The tiles that results of such images have: all of their pixels, and no more.
static norma_tiles tiles_of_results(norma_tiles tiles) {
  tiles.down = (tiles.height + 1) / 2;
  tiles.across = (tiles.width + 1) / 2;
  return tiles;
}

// Some of all tiles: `first`, and how many there are from there on.
static long some_tiles(norma_trial *t, norma_tiles tiles, long *first) {
  const long count = IMAGES * tiles.down * tiles.across;
  *first = norma_below(t, count);
  return 1 + norma_below(t, count - *first);
}

static const float *zeros(norma_trial *t, long count) {
  float *result = norma_floats(t, count);
  for (long i = 0; i < count; i++) result[i] = 0;
  return result;
}

static void cases_of_winograd_source(norma_trial *t) {
  EACH_IMAGES(tiles) {
    const long width = whole_vectors(tiles.channels);
    const float *x = norma_floats(t, IMAGES * tiles.height * tiles.width * tiles.channels);
    long first;
    const long count = some_tiles(t, tiles, &first), stride = count * width + 16;
    float *values = norma_floats(t, 16 * stride);
    t->kernels->winograd_source(x, &tiles, first, count, zeros(t, width), values, width, stride);
    norma_end(t);
  }
}

static void cases_of_winograd_result(norma_trial *t) {
  EACH_IMAGES(images) EACH_FLAG(hasBias) EACH_FLAG(hasResidual) EACH_FLAG(rectifies) {
    const norma_tiles tiles = tiles_of_results(images);
    const long size = IMAGES * tiles.height * tiles.width * tiles.channels;
    const long block = norma_below(t, whole_vectors(tiles.channels) / 16), left = tiles.channels - 16 * block;
    const long columns = left < 16 ? left : 16;
    long first;
    const long count = some_tiles(t, tiles, &first), stride = count * 16 + 16;
    const float *products = norma_floats(t, 16 * stride);
    float *y = norma_floats(t, size);
    const float *bias = hasBias ? columns_of_block(t, 1, columns) : NULL;
    const float *residual = hasResidual ? norma_floats(t, size) + 16 * block : NULL;
    t->kernels->winograd_result(
        products, stride, y + 16 * block, &tiles, first, count, columns, bias, residual, rectifies);
    norma_end(t);
  }
}

static void cases_of_winograd_gradient(norma_trial *t) {
  EACH_IMAGES(images) {
    const norma_tiles tiles = tiles_of_results(images);
    const long width = whole_vectors(tiles.channels);
    const float *g = norma_floats(t, IMAGES * tiles.height * tiles.width * tiles.channels);
    long first;
    const long count = some_tiles(t, tiles, &first), stride = count * width + 16;
    float *values = norma_floats(t, 16 * stride);
    t->kernels->winograd_gradient(g, &tiles, first, count, zeros(t, width), values, width, stride);
    norma_end(t);
  }
}
