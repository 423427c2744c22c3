// The cases of CKernels/loops/channels.h.

static void cases_of_merge_moments(norma_trial *t) {
  EACH_WIDTH(width) {
    const float *partBase = norma_floats(t, width);
    const double *partSums = norma_doubles(t, width), *partSquares = norma_double_magnitudes(t, width);
    const float *base = norma_floats(t, width);
    double *sums = norma_doubles(t, width), *squares = norma_double_magnitudes(t, width);
    t->kernels->merge_moments(partBase, partSums, partSquares, base, width, 1 + norma_below(t, 999), sums, squares);
    norma_end(t);
  }
}

static void cases_of_finish_moments(norma_trial *t) {
  EACH_WIDTH(width) EACH_FLAG(hasGamma) EACH_FLAG(hasBeta) {
    const float *base = norma_floats(t, width);
    const double *sums = norma_doubles(t, width);
    double *squares = norma_double_magnitudes(t, width);
    const double n = 1 + norma_below(t, 99);
    // Some variances are below 0, as rounding may leave them; most are not.
    for (long c = 0; c < width; c++) if (c % 7) squares[c] += sums[c] * sums[c];
    const float *gamma = hasGamma ? norma_floats(t, width) : NULL, *beta = hasBeta ? norma_floats(t, width) : NULL;
    double *mean = norma_doubles(t, width), *second = norma_doubles(t, width), *reciprocal = norma_doubles(t, width);
    const transform f = transforms(t, width);
    norma_note(t, t->kernels->finish_moments(
        base, sums, squares, width, n, 1e-5, gamma, beta, mean, second, reciprocal, f.pivot, f.scale, f.shift));
    norma_end(t);
  }
}

static void cases_of_channel_scales(norma_trial *t) {
  EACH_WIDTH(width) EACH_FLAG(hasGamma) EACH_FLAG(hasEpsilon) {
    const float *mean = norma_floats(t, width), *variance = norma_magnitudes(t, width);
    const float *gamma = hasGamma ? norma_floats(t, width) : NULL;
    float *scale = norma_floats(t, width);
    norma_note(t, t->kernels->channel_scales(mean, variance, gamma, width, hasEpsilon ? 1e-5 : 0, scale));
    norma_end(t);
  }
}

static void cases_of_finish_gradients(norma_trial *t) {
  EACH_WIDTH(width) EACH_FLAG(hasGamma) {
    const double *sums = norma_doubles(t, width), *products = norma_doubles(t, width);
    const double *mean = norma_doubles(t, width), *reciprocal = norma_double_magnitudes(t, width);
    const float *pivot = norma_floats(t, width), *gamma = hasGamma ? norma_floats(t, width) : NULL;
    float *gammaGradient = norma_floats(t, width), *betaGradient = norma_floats(t, width);
    float *slope = norma_floats(t, width), *offset = norma_floats(t, width);
    norma_note(t, t->kernels->finish_gradients(
        sums, products, width, 1 + norma_below(t, 999), mean, reciprocal, pivot, gamma, gammaGradient, betaGradient,
        slope, offset));
    norma_end(t);
  }
}
