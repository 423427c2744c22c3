// The cases of CKernels/loops/layer.h.

// Rows with statistics of their own: up to a block and beyond, as many together as the first cache takes, and their rest.
#define EACH_LAYER(rows, channels) \
  EACH(channels, 1, 3, 4, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 100, 255, 257, 513, 1025, 4500) \
    EACH(rows, 1, channels < 1000 ? 5 : 2, channels < 300 ? 16 : 3, channels < 300 ? 33 : 4)

static void cases_of_layer_normalize(norma_trial *t) {
  EACH_LAYER(rows, channels) EACH_FLAG(hasMean) EACH_FLAG(streams) {
    const float *x = norma_floats(t, rows * channels);
    float *y = norma_floats(t, rows * channels);
    const float *gamma = norma_floats(t, channels), *beta = norma_floats(t, channels);
    double *mean = hasMean ? norma_doubles(t, rows) : NULL, *reciprocal = norma_doubles(t, rows);
    norma_note(t, t->kernels->layer_normalize(
        x, y, rows, channels, gamma, beta, 1e-5, mean, reciprocal, streams));
    norma_end(t);
  }
}

static void cases_of_layer_gradient(norma_trial *t) {
  EACH_LAYER(rows, channels) EACH_FLAG(hasMean) EACH_FLAG(streams) EACH(first, 0, rows > 1 ? rows / 3 + 1 : 0) {
    const float *g = norma_floats(t, rows * channels), *x = norma_floats(t, rows * channels);
    float *dx = norma_floats(t, rows * channels);
    const float *gamma = norma_floats(t, channels);
    const double *mean = hasMean ? norma_doubles(t, rows) : NULL, *reciprocal = norma_double_magnitudes(t, rows);
    double *gammaSums = norma_doubles(t, channels), *betaSums = norma_doubles(t, channels);
    float *scratch = norma_scratch(t, 2 * channels);
    // At once, or after some rows of the same sums.
    if (first > 0) {
      t->kernels->layer_gradient(
          g, x, dx, first, channels, gamma, mean, reciprocal, gammaSums, betaSums, scratch, true, false, streams);
    }
    const long at = first * channels;
    t->kernels->layer_gradient(
        g + at, x + at, dx + at, rows - first, channels, gamma, mean ? mean + first : NULL, reciprocal + first, gammaSums,
        betaSums, scratch, first == 0, true, streams);
    norma_end(t);
  }
}
