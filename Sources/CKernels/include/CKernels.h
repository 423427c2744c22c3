// Hot loops that Swift cannot express, and nothing else: no allocation, no policy, no threads, no errors.
#ifndef NORMA_CKERNELS_H
#define NORMA_CKERNELS_H

#include <stdbool.h>

// Rows whose sums are formed in single precision before they are added up in double precision.
#define NORMA_BLOCK 64
// The same for the values of one channel that stand side by side.
#define NORMA_PLANE_BLOCK 4096
// Halves so far ahead are asked of memory while others are expanded: they are next, once these have been worked on.
#define NORMA_AHEAD 2048
// Terms of a sum of products that are one chain of fused multiply-adds.
#define NORMA_TERMS 256
// Reciprocal deviations from 1 / NORMA_STEEPEST to NORMA_STEEPEST, with scales up to NORMA_LARGEST_SCALE, leave everything that a
// kernel computes of ordinary gradients within the range of floats. Others are left to the definition, in double precision.
#define NORMA_STEEPEST 0x1p40
#define NORMA_LARGEST_SCALE 0x1p100f
// The distance of any float from a given mean is a float, up to such a mean: half a unit in the last place of the largest.
#define NORMA_NEAR 0x1p102f

// Images `[N, height, width, channels]` that a 3×3 convolution reads or writes in tiles: so many across and down each
// image, tile (0, 0) beginning `top` rows above and `left` columns before the first pixel.
typedef struct norma_tiles {
  long height, width, channels, down, across, top, left;
} norma_tiles;

// Those that read and write tensors once more for numbers of half width, in `unsigned short`.
#define NORMA_HALF_KERNELS(KERNEL, format) \
  KERNEL(void, row_moments_##format, (const unsigned short *x, long stride, long rows, long width, float *base, double *sums, double *squares, float *scratch)) \
  KERNEL(void, row_normalize_##format, (const unsigned short *x, unsigned short *y, long stride, long rows, long width, const float *pivot, const float *scale, const float *shift, bool rectifies, bool streams)) \
  KERNEL(void, row_gradient_sums_##format, (const unsigned short *g, const unsigned short *x, long stride, long rows, long width, const float *pivot, const float *scale, const float *shift, bool rectifies, double *sums, double *products, float *scratch)) \
  KERNEL(void, row_input_gradient_##format, (const unsigned short *g, const unsigned short *x, unsigned short *dx, long stride, long rows, long width, const float *pivot, const float *scale, const float *shift, const float *slope, const float *offset, bool rectifies, bool streams)) \
  KERNEL(bool, layer_normalize_##format, (const unsigned short *x, unsigned short *y, long rows, long channels, const float *gamma, const float *beta, double epsilon, double *mean, double *reciprocal, bool streams)) \
  KERNEL(void, layer_gradient_##format, (const unsigned short *g, const unsigned short *x, unsigned short *dx, long rows, long channels, const float *gamma, const double *mean, const double *reciprocal, double *gammaSums, double *betaSums, float *scratch, bool begins, bool ends, bool streams)) \
  KERNEL(void, narrow_##format, (const float *x, unsigned short *y, long count, bool streams)) \
  KERNEL(void, widen_##format, (const unsigned short *x, float *y, long count))

// The one list of all kernels: result, name and operands. The struct below, which is also what Swift sees, and the table of each
// instruction set are made of it; the files in `loops` say what each of them computes.
#define NORMA_KERNEL_LIST(KERNEL) \
  KERNEL(void, row_moments, (const float *x, long stride, long rows, long width, float *base, double *sums, double *squares, float *scratch)) \
  KERNEL(void, row_block_moments, (const float *x, long stride, long rows, long width, bool begins, float *pivot, float *sum, float *square)) \
  KERNEL(void, row_normalize, (const float *x, float *y, long stride, long rows, long width, const float *pivot, const float *scale, const float *shift, bool rectifies, bool streams)) \
  KERNEL(void, row_gradient_sums, (const float *g, const float *x, long stride, long rows, long width, const float *pivot, const float *scale, const float *shift, bool rectifies, double *sums, double *products, float *scratch)) \
  KERNEL(void, row_block_gradient_sums, (const float *g, const float *x, long stride, long rows, long width, const float *pivot, const float *scale, const float *shift, bool rectifies, bool begins, float *sum, float *product)) \
  KERNEL(void, row_input_gradient, (const float *g, const float *x, float *dx, long stride, long rows, long width, const float *pivot, const float *scale, const float *shift, const float *slope, const float *offset, bool rectifies, bool streams)) \
  KERNEL(void, merge_moments, (const float *partBase, const double *partSums, const double *partSquares, const float *base, long width, double n, double *sums, double *squares)) \
  KERNEL(bool, finish_moments, (const float *base, const double *sums, const double *squares, long width, double n, double epsilon, const float *gamma, const float *beta, double *mean, double *second, double *reciprocal, float *pivot, float *scale, float *shift)) \
  KERNEL(bool, channel_scales, (const float *mean, const float *variance, const float *gamma, long width, double epsilon, float *scale)) \
  KERNEL(bool, finish_gradients, (const double *sums, const double *products, long width, double n, const double *mean, const double *reciprocal, const float *pivot, const float *gamma, float *gammaGradient, float *betaGradient, float *slope, float *offset)) \
  KERNEL(void, plane_moments, (const float *x, long outers, long stride, long channels, long inner, float *base, double *sums, double *squares)) \
  KERNEL(void, plane_normalize, (const float *x, float *y, long outers, long stride, long channels, long inner, const float *pivot, const float *scale, const float *shift, bool rectifies, bool streams)) \
  KERNEL(void, plane_gradient_sums, (const float *g, const float *x, long outers, long stride, long channels, long inner, const float *pivot, const float *scale, const float *shift, bool rectifies, double *sums, double *products)) \
  KERNEL(void, plane_input_gradient, (const float *g, const float *x, float *dx, long outers, long stride, long channels, long inner, const float *pivot, const float *scale, const float *shift, const float *slope, const float *offset, bool rectifies, bool streams)) \
  KERNEL(bool, layer_normalize, (const float *x, float *y, long rows, long channels, const float *gamma, const float *beta, double epsilon, double *mean, double *reciprocal, bool streams)) \
  KERNEL(void, layer_gradient, (const float *g, const float *x, float *dx, long rows, long channels, const float *gamma, const double *mean, const double *reciprocal, double *gammaSums, double *betaSums, float *scratch, bool begins, bool ends, bool streams)) \
  NORMA_HALF_KERNELS(KERNEL, float16) \
  NORMA_HALF_KERNELS(KERNEL, bfloat16) \
  KERNEL(void, row_bias, (float *y, long rows, long width, const float *bias, bool rectifies)) \
  KERNEL(void, add, (const float *a, const float *b, float *y, long count, bool rectifies)) \
  KERNEL(void, rectify_gradient, (const float *y, const float *g, float *dx, long count)) \
  KERNEL(void, stream_zeros, (float *y, long count)) \
  KERNEL(void, scale, (const float *x, float *y, long count, float factor)) \
  KERNEL(void, approach, (float *mean, const float *x, long count, float weight)) \
  KERNEL(double, sum_of_squares, (const float *x, long count)) \
  KERNEL(void, sum_rows, (const float *x, long stride, long rows, long width, double *sums)) \
  KERNEL(void, exponential, (const float *x, float *y, long count)) \
  KERNEL(void, logarithm, (const float *x, float *y, long count)) \
  KERNEL(void, sigmoid, (const float *x, float *y, long count)) \
  KERNEL(void, hyperbolic_tangent, (const float *x, float *y, long count)) \
  KERNEL(void, error_function, (const float *x, float *y, long count)) \
  KERNEL(void, gelu, (const float *x, float *y, long count)) \
  KERNEL(void, silu, (const float *x, float *y, long count)) \
  KERNEL(void, hard_sigmoid, (const float *x, float *y, long count)) \
  KERNEL(void, hard_swish, (const float *x, float *y, long count)) \
  KERNEL(void, clamp, (const float *x, float *y, long count, float lower, float upper)) \
  KERNEL(void, momentum, (float *w, const float *g, float *velocity, long count, float rate, float momentum, bool nesterov)) \
  KERNEL(long, adam, (float *w, const float *g, float *first, float *second, long count, float beta1, float rest1, float beta2, float rest2, float rate, float rootScale, float epsilon, float shrink, float bound, float factor, float *mean, float weight)) \
  KERNEL(long, rmsprop, (float *w, const float *g, float *square, long count, float rate, float decay, float rest, float epsilon, float bound)) \
  KERNEL(void, product, (const float *a, long rowStep, long innerStep, const float *b, long panelStep, long termStep, float *c, long stride, long rows, long terms, long columns, bool accumulates, const float *bias, bool rectifies)) \
  KERNEL(void, product_of_columns, (const float *a, long rowStep, const float *b, long stride, float *c, long resultStride, long rows, long terms, long columns)) \
  KERNEL(void, write_transposed, (const float *from, long stride, float *to, long resultStride, long rows, long columns, const float *bias, bool rectifies)) \
  KERNEL(void, pack_rows, (const float *from, long stride, long terms, long columns, float *to)) \
  KERNEL(void, pack_columns, (const float *from, long stride, long terms, long columns, float *to)) \
  KERNEL(void, shifted_rows, (const float *x, const int *places, const int *results, long rows, const int *segments, const int *lengths, long segmentCount, const float *weights, float *y, long columns, const float *bias, const float *residual, bool accumulates, bool rectifies, const float *bounds)) \
  KERNEL(void, shifted_rows_gradient, (const float *x, const int *places, const float *g, const int *results, long rows, const int *segments, const int *lengths, long segmentCount, float *sums, long stride)) \
  KERNEL(void, depthwise, (const float *x, const int *places, const int *results, long rows, const int *taps, long tapCount, const float *weights, float *y, long channels, const float *bias, const float *residual, bool accumulates, bool rectifies, const float *bounds)) \
  KERNEL(void, depthwise_gradient, (const float *x, const int *places, const float *g, const int *results, long rows, const int *taps, long tapCount, float *sums, long channels)) \
  KERNEL(void, winograd_source, (const float *x, const norma_tiles *tiles, long first, long count, const float *zeros, float *values, long width, long stride)) \
  KERNEL(void, winograd_result, (const float *products, long stride, float *y, const norma_tiles *tiles, long first, long count, long columns, const float *bias, const float *residual, bool rectifies)) \
  KERNEL(void, winograd_gradient, (const float *g, const norma_tiles *tiles, long first, long count, const float *zeros, float *values, long width, long stride))

// The kernels for one instruction set.
typedef struct norma_kernels {
  const char *name;
#define NORMA_FIELD(result, name, operands) result (*name) operands;
  NORMA_KERNEL_LIST(NORMA_FIELD)
#undef NORMA_FIELD
} norma_kernels;

// The kernels that this processor can run, the fastest at place 0; NULL beyond the last.
const norma_kernels *norma_kernels_at(int place);

// Under AddressSanitizer, has it report whoever touches memory that is kept for later, until it is lent again. Else nothing.
void norma_forbid(const void *memory, long size);
void norma_allow(const void *memory, long size);

// Tells the processor that some memory will be read soon: where it goes on by itself, it has not found out yet.
static inline void norma_prefetch(const void *memory, long size) {
  for (long offset = 0; offset < size; offset += 64) __builtin_prefetch((const char *)memory + offset);
}

// How many of `count` numbers of 32 bits, of which there is one, have the bits of the first until one has others.
static inline long norma_count_equal(const void *numbers, long count) {
  typedef unsigned __attribute__((may_alias)) bits_of_number;
  const bits_of_number *bits = (const bits_of_number *)numbers;
  long end = 1;
  for (; end + 16 <= count; end += 16) {
    unsigned others = 0;
    for (int i = 0; i < 16; i++) others |= bits[end + i] ^ bits[0];
    if (others) break;
  }
  while (end < count && bits[end] == bits[0]) end++;
  return end;
}

// Whether the calling thread shares its work with no other, and how it was before it is said.
bool norma_is_alone(void);
bool norma_works_alone(bool alone);

// Tells the processor that the caller is spinning.
static inline void norma_spin_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

#endif
