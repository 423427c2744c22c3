// The cases of numbers of half width, CKernels/loops/halves.h.

// The same on numbers of half width: fewer shapes, since the loops are the same. Their numbers are those of the group, rounded.
typedef unsigned short half;
enum { infinity_of_float16 = 0x7c00, infinity_of_bfloat16 = 0x7f80 };
#define EACH_HALF_SHAPE(shape) EACH_ROW_SHAPE(shape) if (shape->rows < 300 || shape->width < 40)
#define CASES_OF_HALVES(format)                                                                                        \
  static half *halves_of_##format(norma_trial *t, long count) {                                                        \
    const float *x = norma_floats(t, count);                                                                           \
    half *y = norma_halves(t, count, infinity_of_##format);                                                                                  \
    t->kernels->narrow_##format(x, y, count, false);                                                                   \
    return y;                                                                                                          \
  }                                                                                                                    \
  static void cases_of_row_moments_##format(norma_trial *t) {                                                          \
    EACH_HALF_SHAPE(shape) EACH_STRIDE(stride, shape->width) {                                                         \
      const half *x = halves_of_##format(t, shape->rows * stride);                                                     \
      float *base = norma_floats(t, shape->width);                                                                     \
      double *sums = norma_doubles(t, shape->width), *squares = norma_doubles(t, shape->width);                        \
      float *scratch = norma_scratch(t, 3 * shape->width);                                                             \
      t->kernels->row_moments_##format(x, stride, shape->rows, shape->width, base, sums, squares, scratch);            \
      norma_end(t);                                                                                                    \
    }                                                                                                                  \
  }                                                                                                                    \
  static void cases_of_row_normalize_##format(norma_trial *t) {                                                        \
    EACH_HALF_SHAPE(shape) EACH_STRIDE(stride, shape->width) EACH_FLAG(rectifies) EACH_FLAG(streams) {                 \
      const half *x = halves_of_##format(t, shape->rows * stride);                                                     \
      half *y = norma_halves(t, shape->rows * stride, infinity_of_##format);                                                                 \
      const transform f = transforms(t, shape->width);                                                                 \
      t->kernels->row_normalize_##format(                                                                              \
          x, y, stride, shape->rows, shape->width, f.pivot, f.scale, f.shift, rectifies, streams);                     \
      norma_end(t);                                                                                                    \
    }                                                                                                                  \
  }                                                                                                                    \
  static void cases_of_row_gradient_sums_##format(norma_trial *t) {                                                    \
    EACH_HALF_SHAPE(shape) EACH_STRIDE(stride, shape->width) EACH_FLAG(rectifies) {                                    \
      const half *g = halves_of_##format(t, shape->rows * stride), *x = halves_of_##format(t, shape->rows * stride);   \
      const transform f = transforms(t, shape->width);                                                                 \
      double *sums = norma_doubles(t, shape->width), *products = norma_doubles(t, shape->width);                       \
      float *scratch = norma_scratch(t, 2 * shape->width);                                                             \
      t->kernels->row_gradient_sums_##format(                                                                          \
          g, x, stride, shape->rows, shape->width, f.pivot, f.scale, f.shift, rectifies, sums, products, scratch);     \
      norma_end(t);                                                                                                    \
    }                                                                                                                  \
  }                                                                                                                    \
  static void cases_of_row_input_gradient_##format(norma_trial *t) {                                                   \
    EACH_HALF_SHAPE(shape) EACH_STRIDE(stride, shape->width) EACH_FLAG(rectifies) EACH_FLAG(streams) {                 \
      const half *g = halves_of_##format(t, shape->rows * stride), *x = halves_of_##format(t, shape->rows * stride);   \
      half *dx = norma_halves(t, shape->rows * stride, infinity_of_##format);                                                                \
      const transform f = transforms(t, shape->width);                                                                 \
      const float *slope = norma_floats(t, shape->width), *offset = norma_floats(t, shape->width);                     \
      t->kernels->row_input_gradient_##format(                                                                         \
          g, x, dx, stride, shape->rows, shape->width, f.pivot, f.scale, f.shift, slope, offset, rectifies, streams);  \
      norma_end(t);                                                                                                    \
    }                                                                                                                  \
  }                                                                                                                    \
  static void cases_of_layer_normalize_##format(norma_trial *t) {                                                      \
    EACH(channels, 65, 100, 255, 1025, 4500) EACH(rows, 1, 5, 18) EACH_FLAG(hasMean) EACH_FLAG(streams) {              \
      const half *x = halves_of_##format(t, rows * channels);                                                          \
      half *y = norma_halves(t, rows * channels, infinity_of_##format);                                                                      \
      const float *gamma = norma_floats(t, channels), *beta = norma_floats(t, channels);                               \
      double *mean = hasMean ? norma_doubles(t, rows) : NULL, *reciprocal = norma_doubles(t, rows);                    \
      norma_note(t, t->kernels->layer_normalize_##format(                                                              \
          x, y, rows, channels, gamma, beta, 1e-5, mean, reciprocal, streams));                                        \
      norma_end(t);                                                                                                    \
    }                                                                                                                  \
  }                                                                                                                    \
  static void cases_of_layer_gradient_##format(norma_trial *t) {                                                       \
    EACH(channels, 16, 65, 100, 255, 1025) EACH(rows, 1, 5, 18) EACH_FLAG(hasMean) EACH_FLAG(streams) {                \
      const half *g = halves_of_##format(t, rows * channels), *x = halves_of_##format(t, rows * channels);             \
      half *dx = norma_halves(t, rows * channels, infinity_of_##format);                                                                     \
      const float *gamma = norma_floats(t, channels);                                                                  \
      const double *mean = hasMean ? norma_doubles(t, rows) : NULL, *reciprocal = norma_double_magnitudes(t, rows);    \
      double *gammaSums = norma_doubles(t, channels), *betaSums = norma_doubles(t, channels);                          \
      float *scratch = norma_scratch(t, 2 * channels);                                                                 \
      t->kernels->layer_gradient_##format(                                                                             \
          g, x, dx, rows, channels, gamma, mean, reciprocal, gammaSums, betaSums, scratch, true, true, streams);       \
      norma_end(t);                                                                                                    \
    }                                                                                                                  \
  }
CASES_OF_HALVES(float16)
CASES_OF_HALVES(bfloat16)

#define CASES_OF_NARROWING(format)                                                         \
  static void cases_of_narrow_##format(norma_trial *t) {                                   \
    EACH_COUNT(count) EACH_FLAG(streams) EACH(scale, 0, -20, -140) {                       \
      float *x = norma_floats(t, count);                                                   \
      for (long i = 0; i < count; i++) x[i] = scale < 0 ? __builtin_ldexpf(x[i], (int)scale) : x[i]; \
      t->kernels->narrow_##format(x, norma_halves(t, count, 0x7fff), count, streams);              \
      norma_end(t);                                                                        \
    }                                                                                      \
  }                                                                                        \
  static void cases_of_widen_##format(norma_trial *t) {                                    \
    EACH_COUNT(count) {                                                                    \
      const unsigned short *x = norma_halves(t, count, 0x7fff);                                    \
      t->kernels->widen_##format(x, norma_floats(t, count), count);                        \
      norma_end(t);                                                                        \
    }                                                                                      \
  }
CASES_OF_NARROWING(float16)
CASES_OF_NARROWING(bfloat16)
