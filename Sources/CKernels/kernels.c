#include "CKernels.h"

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

// No product and sum become one instruction, but in convolutions: with it, or without it on older hardware, results would
// differ.
#pragma STDC FP_CONTRACT OFF

// The helpers that pass vectors are always inlined, so how they would be passed does not matter.
#pragma clang diagnostic ignored "-Wpsabi"

// Vectors that may stand anywhere, and may alias floats.
typedef float vf __attribute__((vector_size(64), aligned(4), may_alias));
typedef float vo __attribute__((vector_size(32), aligned(4), may_alias));
typedef float vfa __attribute__((vector_size(64), may_alias));
typedef float vq __attribute__((vector_size(16), aligned(4), may_alias));
typedef double vd __attribute__((vector_size(64), aligned(8), may_alias));
typedef double vd8 __attribute__((vector_size(64)));
typedef double vd4 __attribute__((vector_size(32)));
typedef int vi __attribute__((vector_size(64), aligned(4), may_alias));

#define NAME(x) norma_baseline_##x
#define STRIP 1
#if defined(__aarch64__)
#define ROWS 6
#else
#define ROWS 2
#endif
#include "kernels_body.h"
#undef NAME
#undef STRIP
#undef ROWS

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define NAME(x) norma_avx2_##x
#define STRIP 4
#define ROWS 6
#include "kernels_body.h"
#undef NAME
#undef STRIP
#undef ROWS
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("fma,avx512f,avx512vl,avx512bw,avx512dq"))), apply_to = function)
#define NAME(x) norma_avx512_##x
#define STRIP 4
#define ROWS 12
#include "kernels_body.h"
#undef NAME
#undef STRIP
#undef ROWS
#pragma clang attribute pop

#endif

// ---------------------------------------------------------------- the table

#define TABLE(set, shown) \
  { \
    .name = shown, \
    .row_moments = norma_##set##_row_moments, \
    .row_normalize = norma_##set##_row_normalize, \
    .row_gradient_sums = norma_##set##_row_gradient_sums, \
    .row_input_gradient = norma_##set##_row_input_gradient, \
    .merge_moments = norma_##set##_merge_moments, \
    .finish_moments = norma_##set##_finish_moments, \
    .channel_scales = norma_##set##_channel_scales, \
    .finish_gradients = norma_##set##_finish_gradients, \
    .plane_moments = norma_##set##_plane_moments, \
    .plane_normalize = norma_##set##_plane_normalize, \
    .plane_gradient_sums = norma_##set##_plane_gradient_sums, \
    .plane_input_gradient = norma_##set##_plane_input_gradient, \
    .layer_normalize = norma_##set##_layer_normalize, \
    .layer_gradient = norma_##set##_layer_gradient, \
    .row_bias = norma_##set##_row_bias, \
    .add = norma_##set##_add, \
    .rectify_gradient = norma_##set##_rectify_gradient, \
    .momentum = norma_##set##_momentum, \
    .adam = norma_##set##_adam, \
    .rmsprop = norma_##set##_rmsprop, \
    .shifted_rows = norma_##set##_shifted_rows, \
    .shifted_rows_gradient = norma_##set##_shifted_rows_gradient, \
    .depthwise = norma_##set##_depthwise, \
    .depthwise_gradient = norma_##set##_depthwise_gradient, \
    .winograd_source = norma_##set##_winograd_source, \
    .winograd_result = norma_##set##_winograd_result, \
    .winograd_gradient = norma_##set##_winograd_gradient, \
  }

#if defined(__aarch64__)
static const norma_kernels tables[] = {TABLE(baseline, "neon")};
#elif defined(__x86_64__)
static const norma_kernels tables[] = {TABLE(avx512, "avx512"), TABLE(avx2, "avx2"), TABLE(baseline, "baseline")};
#else
static const norma_kernels tables[] = {TABLE(baseline, "baseline")};
#endif

static bool is_supported(const norma_kernels *kernels) {
#if defined(__x86_64__)
  if (strcmp(kernels->name, "avx512") == 0) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
  }
  if (strcmp(kernels->name, "avx2") == 0) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return true;
}

const norma_kernels *norma_kernels_at(int place) {
  // Several threads may look for it at once: they find the same number.
  static _Atomic int known = -1;
  const int count = sizeof tables / sizeof *tables;
  int unsupported = atomic_load_explicit(&known, memory_order_relaxed);
  if (unsupported < 0) {
    unsupported = 0;
    while (!is_supported(&tables[unsupported])) unsupported++;
    atomic_store_explicit(&known, unsupported, memory_order_relaxed);
  }
  // Each set needs what those behind it need, and more.
  return place >= 0 && place < count - unsupported ? &tables[unsupported + place] : NULL;
}
