// Cases for every kernel: what a kernel makes of numbers that are the same everywhere, as hashes to compare.
#ifndef NORMA_KERNEL_CASES_H
#define NORMA_KERNEL_CASES_H

#include "CKernels.h"
#include <stdint.h>

// The cases of one kernel with numbers of one group.
typedef struct norma_case_hash {
  const char *kernel, *group;
  long cases;
  uint64_t hash;
} norma_case_hash;

// How many such groups there are.
int norma_case_group_count(void);

// Runs a group's cases with the kernels of one instruction set. The hash covers all memory that a kernel was given, and some around
// it; what is not a number counts as one, whatever its sign and payload.
norma_case_hash norma_run_cases(const norma_kernels *kernels, int number);

#endif
