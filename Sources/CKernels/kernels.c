#include "CKernels.h"

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

// No product and sum become one instruction by themselves: what is rounded once is written so, by MULTIPLY_ADD.
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
typedef int vi8 __attribute__((vector_size(32)));
typedef unsigned vu __attribute__((vector_size(64), may_alias));
typedef unsigned short vh __attribute__((vector_size(32), aligned(2), may_alias));
typedef unsigned short vs __attribute__((vector_size(64), may_alias));
typedef unsigned short vsu __attribute__((vector_size(64), aligned(2), may_alias));
typedef _Float16 v16 __attribute__((vector_size(32), may_alias));
typedef unsigned short vha __attribute__((vector_size(32), may_alias));

// MULTIPLY_ADD(x, y, sum) is x · y + sum, rounded once: of floats, or of vectors of floats. Each set says which of these it is.
#define FUSED(x, y, sum) __builtin_elementwise_fma(x, y, sum)
#define EMULATED(x, y, sum) _Generic((sum), float: emulated_float, vf: emulated_vf, vo: emulated_vo)(x, y, sum)

// For processors without the instruction, sixty times slower: the product of two floats is exact in double precision, and the sum
// is rounded to odd there: toward the exact value's neighbour with an odd last digit. Such a sum lies on the same side as the exact
// one of everything that decides how it is rounded to a float, which has less than half as many digits.
#define DEFINE_EMULATED(floats, doubles, longs) \
  static inline __attribute__((always_inline)) floats emulated_##floats(floats x, floats y, floats addend) { \
    const doubles product = __builtin_convertvector(x, doubles) * __builtin_convertvector(y, doubles); \
    const doubles other = __builtin_convertvector(addend, doubles), sum = product + other, share = sum - product; \
    /* What rounding took from the sum, exactly; NaN, and so no reason to change it, where the sum is not finite. */ \
    const doubles error = (product - (sum - share)) + (other - share); \
    const longs isInexact = (error < 0) | (error > 0), isEven = ((longs)sum & 1) - 1; \
    /* One more in magnitude where the error has the sum's sign, else one less. */ \
    const longs step = (((longs)error ^ (longs)sum) >> 63) | 1; \
    return __builtin_convertvector((doubles)((longs)sum + (step & isInexact & isEven)), floats); \
  }

typedef double vd16 __attribute__((vector_size(128)));
typedef long vl16 __attribute__((vector_size(128)));
DEFINE_EMULATED(vf, vd16, vl16)
DEFINE_EMULATED(vo, vd8, vl)
static inline __attribute__((always_inline)) float emulated_float(float x, float y, float addend) {
  return emulated_vo((vo){x}, (vo){y}, (vo){addend})[0];
}

#define NAME(x) norma_baseline_##x
#define STRIP 1
#if defined(__aarch64__)
#define SHOWN "neon"
#define ROWS 6
#else
#define SHOWN "baseline"
#define ROWS 2
#endif
#if defined(__x86_64__) && !defined(__FMA__)
#define MULTIPLY_ADD EMULATED
#else
#define MULTIPLY_ADD FUSED
#endif
#include "kernels_body.h"
#undef NAME
#undef SHOWN
#undef STRIP
#undef ROWS
#undef MULTIPLY_ADD

#if defined(__x86_64__)

#define HAS_FLOAT16
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define NAME(x) norma_avx2_##x
#define SHOWN "avx2"
#define STRIP 4
#define ROWS 6
#define MULTIPLY_ADD FUSED
#include "kernels_body.h"
#undef NAME
#undef SHOWN
#undef STRIP
#undef ROWS
#undef MULTIPLY_ADD
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("fma,f16c,avx512f,avx512vl,avx512bw,avx512dq"))), apply_to = function)
#define NAME(x) norma_avx512_##x
#define SHOWN "avx512"
#define STRIP 4
#define ROWS 12
#define MULTIPLY_ADD FUSED
#include "kernels_body.h"
#undef NAME
#undef SHOWN
#undef STRIP
#undef ROWS
#undef MULTIPLY_ADD
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
    return __builtin_cpu_supports("f16c") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
  }
  if (strcmp(kernels->name, "avx2") == 0) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
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
