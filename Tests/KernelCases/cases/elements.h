// The cases of CKernels/loops/elements.h and functions.h.

static void cases_of_row_bias(norma_trial *t) {
  EACH_WIDTH(width) EACH(rows, 1, 7) EACH_FLAG(hasBias) EACH_FLAG(rectifies) {
    float *y = norma_floats(t, rows * width);
    t->kernels->row_bias(y, rows, width, hasBias ? norma_floats(t, width) : NULL, rectifies);
    norma_end(t);
  }
}

#define EACH_COUNT(name) EACH(name, 0, 1, 7, 15, 16, 17, 48, 63, 64, 65, 100, 128, 200, 1001)

static void cases_of_add(norma_trial *t) {
  EACH_COUNT(count) EACH_FLAG(isInPlace) EACH_FLAG(rectifies) {
    float *a = norma_floats(t, count), *b = norma_floats(t, count);
    t->kernels->add(a, b, isInPlace ? b : norma_floats(t, count), count, rectifies);
    norma_end(t);
  }
}

static void cases_of_rectify_gradient(norma_trial *t) {
  EACH_COUNT(count) {
    const float *y = norma_floats(t, count), *g = norma_floats(t, count);
    t->kernels->rectify_gradient(y, g, norma_floats(t, count), count);
    norma_end(t);
  }
}

static void cases_of_stream_zeros(norma_trial *t) {
  EACH_WIDTH(count) {
    t->kernels->stream_zeros(norma_floats(t, count), count);
    norma_end(t);
  }
}

static void cases_of_scale(norma_trial *t) {
  EACH_COUNT(count) EACH_FLAG(isInPlace) {
    float *x = norma_floats(t, count);
    t->kernels->scale(x, isInPlace ? x : norma_floats(t, count), count, 0.3f);
    norma_end(t);
  }
}

static void cases_of_approach(norma_trial *t) {
  EACH_COUNT(count) {
    float *mean = norma_floats(t, count);
    t->kernels->approach(mean, norma_floats(t, count), count, 0.01f);
    norma_end(t);
  }
}

static void cases_of_sum_of_squares(norma_trial *t) {
  EACH_COUNT(count) {
    const float *x = norma_floats(t, count);
    *norma_doubles(t, 1) = t->kernels->sum_of_squares(x, count);
    norma_end(t);
  }
}

static void cases_of_sum_rows(norma_trial *t) {
  EACH_WIDTH(width) EACH(rows, 0, 1, 7, 30) EACH_STRIDE(stride, width) {
    const float *x = norma_floats(t, rows * stride);
    t->kernels->sum_rows(x, stride, rows, width, norma_doubles(t, width));
    norma_end(t);
  }
}

#define CASES_OF_FUNCTION(name)                                            \
  static void cases_of_##name(norma_trial *t) {                            \
    EACH_COUNT(count) EACH_FLAG(isInPlace) {                               \
      float *x = norma_floats(t, count);                                   \
      t->kernels->name(x, isInPlace ? x : norma_floats(t, count), count);  \
      norma_end(t);                                                        \
    }                                                                      \
  }
CASES_OF_FUNCTION(exponential)
CASES_OF_FUNCTION(logarithm)
CASES_OF_FUNCTION(sigmoid)
CASES_OF_FUNCTION(hyperbolic_tangent)
CASES_OF_FUNCTION(error_function)
CASES_OF_FUNCTION(gelu)
CASES_OF_FUNCTION(silu)
CASES_OF_FUNCTION(hard_sigmoid)
CASES_OF_FUNCTION(hard_swish)

static void cases_of_clamp(norma_trial *t) {
  EACH_COUNT(count) EACH_FLAG(isInPlace) EACH(upper, 0, 6) {
    float *x = norma_floats(t, count);
    t->kernels->clamp(x, isInPlace ? x : norma_floats(t, count), count, -0.5f, upper);
    norma_end(t);
  }
}

static void cases_of_momentum(norma_trial *t) {
  EACH_COUNT(count) EACH_FLAG(nesterov) {
    float *w = norma_floats(t, count), *velocity = norma_floats(t, count);
    const float *g = norma_floats(t, count);
    t->kernels->momentum(w, g, velocity, count, 0.1f, 0.9f, nesterov);
    norma_end(t);
  }
}

// Squares that fit, and some that do not.
static const float square_bound = 0x1p60f;

static void cases_of_adam(norma_trial *t) {
  EACH_COUNT(count) EACH_FLAG(hasNegative) EACH_FLAG(hasMean) {
    float *w = norma_floats(t, count), *first = norma_floats(t, count);
    const float *g = norma_floats(t, count);
    float *second = norma_magnitudes(t, count), *mean = hasMean ? norma_floats(t, count) : NULL;
    if (hasNegative && count > 0) second[norma_below(t, count)] = -1;
    norma_note(t, t->kernels->adam(
        w, g, first, second, count, 0.9f, 0.1f, 0.999f, 0.001f, 0.01f, 3.7f, 1e-8f, 0.9999f, square_bound,
        hasMean ? 0.37f : 1, mean, 0.01f));
    norma_end(t);
  }
}

static void cases_of_rmsprop(norma_trial *t) {
  EACH_COUNT(count) EACH_FLAG(hasNegative) {
    float *w = norma_floats(t, count);
    const float *g = norma_floats(t, count);
    float *square = norma_magnitudes(t, count);
    if (hasNegative && count > 0) square[norma_below(t, count)] = -1;
    norma_note(t, t->kernels->rmsprop(w, g, square, count, 0.01f, 0.99f, 0.01f, 1e-8f, square_bound));
    norma_end(t);
  }
}
