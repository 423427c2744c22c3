// oneDNN, as little of it as Norma needs, with the same face for 2.x and 3.x.
#ifndef NORMA_ONEDNN_SHIM_H
#define NORMA_ONEDNN_SHIM_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

#ifndef RTLD_DEFAULT  // glibc shows it to _GNU_SOURCE alone.
#define RTLD_DEFAULT ((void *)0)
#endif

#if __has_include(<oneapi/dnnl/dnnl.h>)
#include <oneapi/dnnl/dnnl.h>
#elif __has_include(<dnnl.h>)
#include <dnnl.h>
#else
#error "oneDNN is missing: install libdnnl-dev (Debian, Ubuntu) or onednn (Homebrew)"
#endif

// C = A * B, or C += A * B, on the calling thread alone. Row-major; lda, ldb and ldc are row strides of the
// matrices as they are stored. oneDNN's own threads would spin against Norma's, so its OpenMP team is held to one
// for the length of the call. Returns 0 when all is well.
static inline int norma_onednn_sgemm(
    bool transposeA, bool transposeB, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a, ptrdiff_t lda,
    const float *b, ptrdiff_t ldb, bool accumulate, float *c, ptrdiff_t ldc) {
  static int (*volatile maxThreads)(void) = NULL;
  static void (*volatile setThreads)(int) = NULL;
  static volatile bool lookedUp = false;
  if (!lookedUp) {  // Racing threads look up the same addresses.
    maxThreads = (int (*)(void))dlsym(RTLD_DEFAULT, "omp_get_max_threads");
    setThreads = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    lookedUp = true;
  }
  int before = 1;
  if (maxThreads && setThreads) {
    before = maxThreads();
    if (before != 1) setThreads(1);
  }
  dnnl_status_t status = dnnl_sgemm(
      transposeA ? 'T' : 'N', transposeB ? 'T' : 'N', m, n, k, 1.0f, a, lda, b, ldb, accumulate ? 1.0f : 0.0f, c, ldc);
  if (before != 1) setThreads(before);
  return (int)status;
}

#endif
