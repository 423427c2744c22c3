// The cases of every kernel: shapes that reach every path and every end of a row, and all flags. What a kernel takes is told in
// `Sources/CKernels/loops`.
#include "KernelCases.h"
#include "trial.h"

#pragma STDC FP_CONTRACT OFF

// A loop over a list of whole numbers.
#define EACH(name, ...)                                                                              \
  for (long name##_list[] = {__VA_ARGS__}, name##_place = 0, name = 0;                               \
       name##_place < (long)(sizeof name##_list / sizeof *name##_list) && (name = name##_list[name##_place], true); \
       name##_place++)
#define EACH_FLAG(name) for (int name = 0; name < 2; name++)

// What normalizes a channel.
typedef struct {
  float *pivot, *scale, *shift;
} transform;

static transform transforms(norma_trial *t, long width) {
  float *pivot = norma_floats(t, width), *scale = norma_floats(t, width);
  return (transform){pivot, scale, norma_floats(t, width)};
}

// Rows by channels: narrow and wide, whole vectors and not, blocks of rows and their rest, and beyond the size from which rows are
// gone through by strips.
typedef struct {
  long rows, width;
} row_shape;

static const row_shape row_shapes[] = {
    {1, 16}, {2, 17}, {3, 31}, {4, 32}, {5, 33}, {7, 48}, {8, 63}, {9, 64}, {11, 65}, {63, 80}, {64, 100},
    {65, 19}, {130, 130}, {200, 47}, {6, 511}, {7, 512}, {9, 520}, {70, 513}, {1100, 33}, {700, 65}, {300, 130},
};
#define EACH_ROW_SHAPE(shape)                                                                 \
  for (const row_shape *shape = row_shapes; shape < row_shapes + sizeof row_shapes / sizeof *row_shapes; shape++)

// Strides as long as a row and longer.
#define EACH_STRIDE(name, width) EACH(name, width, width + 5)

static void cases_of_row_moments(norma_trial *t) {
  EACH_ROW_SHAPE(shape) EACH_STRIDE(stride, shape->width) {
    const float *x = norma_floats(t, shape->rows * stride);
    float *base = norma_floats(t, shape->width);
    double *sums = norma_doubles(t, shape->width), *squares = norma_doubles(t, shape->width);
    float *scratch = norma_scratch(t, 3 * shape->width);
    t->kernels->row_moments(x, stride, shape->rows, shape->width, base, sums, squares, scratch);
    norma_end(t);
  }
}

static void cases_of_row_block_moments(norma_trial *t) {
  EACH_ROW_SHAPE(shape) EACH_STRIDE(stride, shape->width) EACH_FLAG(begins) {
    const long rows = shape->rows < NORMA_BLOCK ? shape->rows : NORMA_BLOCK;
    const float *x = norma_floats(t, rows * stride);
    float *pivot = norma_floats(t, shape->width), *sum = norma_floats(t, shape->width);
    float *square = norma_floats(t, shape->width);
    t->kernels->row_block_moments(x, stride, rows, shape->width, begins, pivot, sum, square);
    norma_end(t);
  }
}

static void cases_of_row_normalize(norma_trial *t) {
  EACH_ROW_SHAPE(shape) EACH_STRIDE(stride, shape->width) EACH_FLAG(rectifies) EACH_FLAG(streams) {
    const float *x = norma_floats(t, shape->rows * stride);
    float *y = norma_floats(t, shape->rows * stride);
    const transform f = transforms(t, shape->width);
    t->kernels->row_normalize(
        x, y, stride, shape->rows, shape->width, f.pivot, f.scale, f.shift, rectifies, streams);
    norma_end(t);
  }
}

static void cases_of_row_gradient_sums(norma_trial *t) {
  EACH_ROW_SHAPE(shape) EACH_STRIDE(stride, shape->width) EACH_FLAG(rectifies) {
    const float *g = norma_floats(t, shape->rows * stride), *x = norma_floats(t, shape->rows * stride);
    const transform f = transforms(t, shape->width);
    double *sums = norma_doubles(t, shape->width), *products = norma_doubles(t, shape->width);
    float *scratch = norma_scratch(t, 2 * shape->width);
    t->kernels->row_gradient_sums(
        g, x, stride, shape->rows, shape->width, f.pivot, f.scale, f.shift, rectifies, sums, products, scratch);
    norma_end(t);
  }
}

static void cases_of_row_block_gradient_sums(norma_trial *t) {
  EACH_ROW_SHAPE(shape) EACH_STRIDE(stride, shape->width) EACH_FLAG(rectifies) EACH_FLAG(begins) {
    const long rows = shape->rows < NORMA_BLOCK ? shape->rows : NORMA_BLOCK;
    const float *g = norma_floats(t, rows * stride), *x = norma_floats(t, rows * stride);
    const transform f = transforms(t, shape->width);
    float *sum = norma_floats(t, shape->width), *product = norma_floats(t, shape->width);
    t->kernels->row_block_gradient_sums(
        g, x, stride, rows, shape->width, f.pivot, f.scale, f.shift, rectifies, begins, sum, product);
    norma_end(t);
  }
}

static void cases_of_row_input_gradient(norma_trial *t) {
  EACH_ROW_SHAPE(shape) EACH_STRIDE(stride, shape->width) EACH_FLAG(rectifies) EACH_FLAG(streams) {
    const float *g = norma_floats(t, shape->rows * stride), *x = norma_floats(t, shape->rows * stride);
    float *dx = norma_floats(t, shape->rows * stride);
    const transform f = transforms(t, shape->width);
    const float *slope = norma_floats(t, shape->width), *offset = norma_floats(t, shape->width);
    t->kernels->row_input_gradient(
        g, x, dx, stride, shape->rows, shape->width, f.pivot, f.scale, f.shift, slope, offset, rectifies, streams);
    norma_end(t);
  }
}

// Numbers for each channel: fewer than a vector, whole ones, and a rest.
#define EACH_WIDTH(name) EACH(name, 1, 3, 7, 8, 9, 15, 16, 17, 24, 31, 32, 40, 64, 65, 100, 257)

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

// Planes from one value to more than a block of them, and outer slices further apart than their channels take.
#define EACH_PLANE(outers, channels, inner, stride) \
  EACH(inner, 1, 3, 7, 8, 9, 15, 16, 17, 33, 47, 49, 64, 65, 80, 100, 196, 1025, 4096, 4100, 8300) \
    EACH(channels, 1, 3, inner < 200 ? 11 : 2) EACH(outers, 1, inner < 1000 ? 3 : 2) \
      EACH(stride, channels * inner + (inner % 2 ? 7 : 0))

static void cases_of_plane_moments(norma_trial *t) {
  EACH_PLANE(outers, channels, inner, stride) {
    const float *x = norma_floats(t, outers * stride);
    float *base = norma_floats(t, channels);
    double *sums = norma_doubles(t, channels), *squares = norma_doubles(t, channels);
    t->kernels->plane_moments(x, outers, stride, channels, inner, base, sums, squares);
    norma_end(t);
  }
}

static void cases_of_plane_normalize(norma_trial *t) {
  EACH_PLANE(outers, channels, inner, stride) EACH_FLAG(rectifies) EACH_FLAG(streams) {
    const float *x = norma_floats(t, outers * stride);
    float *y = norma_floats(t, outers * stride);
    const transform f = transforms(t, channels);
    t->kernels->plane_normalize(x, y, outers, stride, channels, inner, f.pivot, f.scale, f.shift, rectifies, streams);
    norma_end(t);
  }
}

static void cases_of_plane_gradient_sums(norma_trial *t) {
  EACH_PLANE(outers, channels, inner, stride) EACH_FLAG(rectifies) {
    const float *g = norma_floats(t, outers * stride), *x = norma_floats(t, outers * stride);
    const transform f = transforms(t, channels);
    double *sums = norma_doubles(t, channels), *products = norma_doubles(t, channels);
    t->kernels->plane_gradient_sums(
        g, x, outers, stride, channels, inner, f.pivot, f.scale, f.shift, rectifies, sums, products);
    norma_end(t);
  }
}

static void cases_of_plane_input_gradient(norma_trial *t) {
  EACH_PLANE(outers, channels, inner, stride) EACH_FLAG(rectifies) EACH_FLAG(streams) {
    const float *g = norma_floats(t, outers * stride), *x = norma_floats(t, outers * stride);
    float *dx = norma_floats(t, outers * stride);
    const transform f = transforms(t, channels);
    const float *slope = norma_floats(t, channels), *offset = norma_floats(t, channels);
    t->kernels->plane_input_gradient(
        g, x, dx, outers, stride, channels, inner, f.pivot, f.scale, f.shift, slope, offset, rectifies, streams);
    norma_end(t);
  }
}

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

// Blocks of terms of a product: tiles of every height and width, and their rests.
#define EACH_BLOCK(rows, terms, columns) \
  EACH(rows, 1, 2, 3, 4, 5, 6, 7, 9, 11, 12, 13, 25, 31) EACH(terms, 0, 1, 7, 64, 256) \
    EACH(columns, 1, 5, 8, 9, 16, 17, 24, 32, 40, 56, 64, 72, 100, 128, 136)

static long whole_vectors(long columns) { return (columns + 15) / 16 * 16; }

static void cases_of_product(norma_trial *t) {
  EACH_BLOCK(rows, terms, columns) {
    const long flags = norma_below(t, 64), stride = columns + (flags & 1 ? 3 : 0);
    const bool isTransposed = flags & 2, isPacked = flags & 4;
    // Rows some pages apart are another path.
    const long distance = (flags & 56) == 0 ? 1024 : terms + 1;
    const float *a = norma_floats(t, isTransposed ? rows * terms : (rows - 1) * distance + terms);
    const long width = whole_vectors(columns);
    const float *b = norma_floats(t, width * terms);
    float *c = norma_floats(t, rows * stride);
    const float *bias = flags & 8 ? norma_floats(t, columns) : NULL;
    t->kernels->product(
        a, isTransposed ? 1 : distance, isTransposed ? rows : 1, b, isPacked ? 16 * terms : 16, isPacked ? 16 : width, c,
        stride, rows, terms, columns, flags & 16, bias, flags & 32);
    norma_end(t);
  }
}

static void cases_of_product_of_columns(norma_trial *t) {
  EACH(rows, 1, 2, 3, 4) EACH(terms, 0, 1, 7, 8, 20, 256, 257, 512, 1029) EACH(columns, 1, 8, 10, 16, 24, 40, 71) {
    // A stride of a page, and others.
    const long stride = terms == 1029 && columns == 71 ? 2048 : terms + 1;
    const float *a = norma_floats(t, rows * (terms + 2)), *b = norma_floats(t, columns * stride);
    float *c = norma_floats(t, rows * (columns + 3));
    t->kernels->product_of_columns(a, terms + 2, b, stride, c, columns + 3, rows, terms, columns);
    norma_end(t);
  }
}

#define EACH_MATRIX(rows, columns) EACH(rows, 1, 5, 8, 13, 16, 33) EACH(columns, 1, 7, 8, 12, 16, 17, 31, 40)

static void cases_of_write_transposed(norma_trial *t) {
  EACH_MATRIX(rows, columns) EACH_FLAG(hasBias) EACH_FLAG(rectifies) {
    const float *from = norma_floats(t, columns * (rows + 1));
    float *to = norma_floats(t, rows * (columns + 2));
    const float *bias = hasBias ? norma_floats(t, columns) : NULL;
    t->kernels->write_transposed(from, rows + 1, to, columns + 2, rows, columns, bias, rectifies);
    norma_end(t);
  }
}

static void cases_of_pack_rows(norma_trial *t) {
  EACH_MATRIX(terms, columns) {
    const float *from = norma_floats(t, terms * (columns + 1));
    t->kernels->pack_rows(from, columns + 1, terms, columns, norma_floats(t, terms * whole_vectors(columns)));
    norma_end(t);
  }
}

static void cases_of_pack_columns(norma_trial *t) {
  EACH_MATRIX(terms, columns) {
    const float *from = norma_floats(t, columns * (terms + 1));
    t->kernels->pack_columns(from, terms + 1, terms, columns, norma_floats(t, terms * whole_vectors(columns)));
    norma_end(t);
  }
}

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

// A kernel of the list that has no cases above does not compile here.
static const struct {
  const char *name;
  void (*run)(norma_trial *trial);
} kernels_with_cases[] = {
#define WITH_CASES(result, name, operands) {#name, cases_of_##name},
    NORMA_KERNEL_LIST(WITH_CASES)
#undef WITH_CASES
};

static const char *const group_names[NORMA_GROUPS] = {"ordinary", "extreme", "special"};

int norma_case_group_count(void) { return NORMA_GROUPS * (int)(sizeof kernels_with_cases / sizeof *kernels_with_cases); }

norma_case_hash norma_run_cases(const norma_kernels *kernels, int number) {
  const int kernel = number / NORMA_GROUPS, group = number % NORMA_GROUPS;
  norma_trial trial = norma_begin(kernels, kernels_with_cases[kernel].name, group);
  kernels_with_cases[kernel].run(&trial);
  return (norma_case_hash){kernels_with_cases[kernel].name, group_names[group], trial.cases, trial.hash};
}
