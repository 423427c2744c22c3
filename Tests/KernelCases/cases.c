// The cases of every kernel: shapes that reach every path and every end of a row, and all flags, in `cases`. What a kernel takes is told
// in `Sources/CKernels/loops`.
#include "KernelCases.h"
#include "trial.h"

#pragma STDC FP_CONTRACT OFF

#include "cases/shapes.h"
#include "cases/rows.h"
#include "cases/channels.h"
#include "cases/planes.h"
#include "cases/layer.h"
#include "cases/elements.h"
#include "cases/halves.h"
#include "cases/product.h"
#include "cases/convolution.h"
#include "cases/winograd.h"

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
