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
typedef long vl __attribute__((vector_size(64), aligned(8), may_alias));
typedef int vi __attribute__((vector_size(64), aligned(4), may_alias));

#define NAME(x) norma_baseline_##x
#define STRIP 1
#if defined(__aarch64__)
#define SHOWN "neon"
#define ROWS 6
#else
#define SHOWN "baseline"
#define ROWS 2
#endif
#include "kernels_body.h"
#undef NAME
#undef SHOWN
#undef STRIP
#undef ROWS

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define NAME(x) norma_avx2_##x
#define SHOWN "avx2"
#define STRIP 4
#define ROWS 6
#include "kernels_body.h"
#undef NAME
#undef SHOWN
#undef STRIP
#undef ROWS
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("fma,avx512f,avx512vl,avx512bw,avx512dq"))), apply_to = function)
#define NAME(x) norma_avx512_##x
#define SHOWN "avx512"
#define STRIP 4
#define ROWS 12
#include "kernels_body.h"
#undef NAME
#undef SHOWN
#undef STRIP
#undef ROWS
#pragma clang attribute pop

#endif

// ---------------------------------------------------------------- the tables

#if defined(__aarch64__)
static const norma_kernels *const tables[] = {&norma_baseline_table};
#elif defined(__x86_64__)
static const norma_kernels *const tables[] = {&norma_avx512_table, &norma_avx2_table, &norma_baseline_table};
#else
static const norma_kernels *const tables[] = {&norma_baseline_table};
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
    while (!is_supported(tables[unsupported])) unsupported++;
    atomic_store_explicit(&known, unsupported, memory_order_relaxed);
  }
  // Each set needs what those behind it need, and more.
  return place >= 0 && place < count - unsupported ? tables[unsupported + place] : NULL;
}
