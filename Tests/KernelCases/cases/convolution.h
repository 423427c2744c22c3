// The cases of CKernels/loops/convolution.h and shifted_rows.h.

// Rows of a convolution's product, or of its gradient: windows of `segmentCount` segments at places of an image in any order.
typedef struct {
  const float *x;
  const int *places, *results, *segments, *lengths;
  long terms, resultSize;
} window;

static window windows(norma_trial *t, long rows, long segmentCount, long length, long columns) {
  // Segments of unequal lengths, further apart than they are long.
  long terms = 0;
  int *lengths = norma_places(t, segmentCount, length, 0);
  for (long s = 0; s < segmentCount; s++) terms += lengths[s] = (int)(s % 2 ? 1 + length / 2 : length);
  const long step = length + 3, reach = segmentCount * step;
  int *places = norma_places(t, rows, 0, 2);
  int *results = norma_places(t, rows, 0, columns + 1);
  for (long r = rows - 1; r > 0; r--) {
    const long other = norma_below(t, r + 1);
    const int place = places[r];
    places[r] = places[other];
    places[other] = place;
  }
  return (window){
      norma_floats(t, 2 * rows + reach), places, results, norma_places(t, segmentCount, 0, step), lengths, terms,
      rows * (columns + 1)};
}

// Weights, sixteen columns a term, and a bias, with zeros beyond the columns that there are.
static float *columns_of_block(norma_trial *t, long terms, long columns) {
  float *result = norma_floats(t, 16 * terms);
  for (long i = 0; i < 16 * terms; i++) if (i % 16 >= columns) result[i] = 0;
  return result;
}

// What results are held within in some cases.
static const float bounds[2] = {-0.5f, 2};

#define EACH_WINDOW(rows, segmentCount, length) \
  EACH(rows, 1, 2, 3, 5, 7, 8, 11, 12, 13, 25, 31) EACH(segmentCount, 1, 3) EACH(length, 1, 3, 16, 65)

static void cases_of_shifted_rows(norma_trial *t) {
  EACH_WINDOW(rows, segmentCount, length) EACH(columns, 1, 5, 8, 9, 13, 16) {
    const window w = windows(t, rows, segmentCount, length, columns);
    const float *weights = columns_of_block(t, w.terms, columns);
    float *y = norma_floats(t, w.resultSize);
    const long flags = norma_below(t, 16);
    const float *bias = flags & 1 ? columns_of_block(t, 1, columns) : NULL;
    const float *residual = flags & 2 ? norma_floats(t, w.resultSize) : NULL;
    t->kernels->shifted_rows(
        w.x, w.places, w.results, rows, w.segments, w.lengths, segmentCount, weights, y, columns, bias, residual,
        flags & 4, flags & 8, length == 3 ? bounds : NULL);
    norma_end(t);
  }
}

static void cases_of_shifted_rows_gradient(norma_trial *t) {
  EACH_WINDOW(rows, segmentCount, length) EACH(stride, 16, 48) {
    const window w = windows(t, rows, segmentCount, length, 16);
    const float *g = norma_floats(t, w.resultSize);
    float *sums = norma_floats(t, w.terms * stride);
    t->kernels->shifted_rows_gradient(
        w.x, w.places, g, w.results, rows, w.segments, w.lengths, segmentCount, sums, stride);
    norma_end(t);
  }
}

#define EACH_DEPTHWISE(rows, tapCount, channels) \
  EACH(rows, 1, 2, 7, 70) EACH(tapCount, 1, 9) EACH(channels, 1, 8, 15, 16, 17, 40, 64)
// Windows of so many by so many values that are moved over an image.
#define EACH_MOVED_WINDOW(side, step, width) EACH(side, 2, 3, 5, 7) EACH(step, 1, 2) EACH(width, 4, 5, 14, 31)

typedef struct {
  const float *x;
  const int *places, *results, *taps;
  long resultSize;
} taps_window;

static taps_window depthwise_windows(norma_trial *t, long rows, long tapCount, long channels) {
  const float *x = norma_floats(t, (rows + 2 * tapCount) * channels);
  const int *places = norma_places(t, rows, 0, channels), *results = norma_places(t, rows, 0, channels + 3);
  return (taps_window){x, places, results, norma_places(t, tapCount, 0, 2 * channels), rows * (channels + 3)};
}

// Two rows of an image's results, which so take in values that stand side by side.
static taps_window moved_windows(norma_trial *t, long side, long step, long width, long channels) {
  const long length = ((width - 1) * step + side) * channels, rows = 2 * width;
  const float *x = norma_floats(t, (step + side) * length);
  int *places = norma_places(t, rows, 0, step * channels), *results = norma_places(t, rows, 0, channels + 3);
  for (long r = width; r < rows; r++) places[r] = (int)(step * length + (r - width) * step * channels);
  int *taps = norma_places(t, side * side, 0, channels);
  for (long i = 0; i < side * side; i++) taps[i] = (int)(i / side * length + i % side * channels);
  return (taps_window){x, places, results, taps, rows * (channels + 3)};
}

static void cases_of_depthwise(norma_trial *t) {
  EACH_MOVED_WINDOW(side, step, width) EACH(channels, 8, 16, 40, 90) EACH_FLAG(accumulates) {
    const taps_window w = moved_windows(t, side, step, width, channels);
    const float *weights = norma_floats(t, side * side * channels), *bias = norma_floats(t, channels);
    float *y = norma_floats(t, w.resultSize);
    const float *residual = norma_floats(t, w.resultSize);
    t->kernels->depthwise(
        w.x, w.places, w.results, 2 * width, w.taps, side * side, weights, y, channels, bias, residual, accumulates,
        side == 3, width == 14 ? bounds : NULL);
    norma_end(t);
  }
  EACH_DEPTHWISE(rows, tapCount, channels) EACH_FLAG(hasBias) EACH_FLAG(hasResidual) EACH_FLAG(accumulates) \
  EACH_FLAG(rectifies) {
    const taps_window w = depthwise_windows(t, rows, tapCount, channels);
    const float *weights = norma_floats(t, tapCount * channels);
    float *y = norma_floats(t, w.resultSize);
    const float *bias = hasBias ? norma_floats(t, channels) : NULL;
    const float *residual = hasResidual ? norma_floats(t, w.resultSize) : NULL;
    t->kernels->depthwise(
        w.x, w.places, w.results, rows, w.taps, tapCount, weights, y, channels, bias, residual, accumulates,
        rectifies, channels % 16 == 8 ? bounds : NULL);
    norma_end(t);
  }
}

static void cases_of_depthwise_gradient(norma_trial *t) {
  EACH_DEPTHWISE(rows, tapCount, channels) {
    const taps_window w = depthwise_windows(t, rows, tapCount, channels);
    const float *g = norma_floats(t, w.resultSize);
    float *sums = norma_floats(t, tapCount * channels);
    t->kernels->depthwise_gradient(w.x, w.places, g, w.results, rows, w.taps, tapCount, sums, channels);
    norma_end(t);
  }
}
