// Nanoseconds an element of the elementary functions on 4,096 floats in the cache, of every set of kernels this processor has and of
// the C library's, called one by one; the best of 200 rounds.
//   clang -O2 -I Sources/CKernels/include Benchmarks/functions.c Sources/CKernels/*.c -lm -o /tmp/functions && /tmp/functions
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "CKernels.h"

enum { count = 4096 };

static float library_sigmoid(float x) {
  float e = expf(-fabsf(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}
static float library_silu(float x) { return x / (1 + expf(-x)); }
static float library_gelu(float x) { return 0.5f * x * (1 + erff(x * (float)M_SQRT1_2)); }

#define LIBRARY(name, function) \
  static void name(const float *x, float *y, long n) { for (long i = 0; i < n; i++) y[i] = function(x[i]); }
LIBRARY(library_exponential, expf)
LIBRARY(library_logarithm, logf)
LIBRARY(library_sigmoids, library_sigmoid)
LIBRARY(library_tangent, tanhf)
LIBRARY(library_error_function, erff)
LIBRARY(library_gelus, library_gelu)
LIBRARY(library_silus, library_silu)

typedef void (*function)(const float *, float *, long);

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static void show(const char *name, const function *functions, const float *x) {
  static float positive[count], y[count];
  for (int i = 0; i < count; i++) positive[i] = fabsf(x[i]) + 0.001f;
  printf("| %s |", name);
  for (int f = 0; f < 7; f++) {
    double best = INFINITY;
    for (int round = 0; round < 200; round++) {
      double start = now();
      functions[f](f == 1 ? positive : x, y, count);
      best = fmin(best, (now() - start) / count);
    }
    printf(" %.2f |", best);
  }
  puts("");
}

int main(void) {
  static float x[count];
  for (int i = 0; i < count; i++) x[i] = (float)((i * 2654435761u) % 65536) / 8192 - 4;
  puts("| ns | exp | log | sigmoid | tanh | erf | GELU | SiLU |\n|---|--:|--:|--:|--:|--:|--:|--:|");
  const function library[] = {library_exponential, library_logarithm, library_sigmoids,
                              library_tangent,     library_error_function, library_gelus, library_silus};
  show("C library", library, x);
  const norma_kernels *k;
  for (int place = 0; (k = norma_kernels_at(place)); place++) {
    const function kernels[] = {k->exponential,     k->logarithm, k->sigmoid, k->hyperbolic_tangent,
                                k->error_function, k->gelu,      k->silu};
    show(k->name, kernels, x);
  }
}
