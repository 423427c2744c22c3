// Prints the hashes of the kernels' cases, a line for each kernel and group, for where SwiftPM does not come: see `make arm`.
//   cases [NAME OF AN INSTRUCTION SET, by default the best]
#include "KernelCases.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int main(int count, char **arguments) {
  int place = 0;
  const norma_kernels *kernels = norma_kernels_at(place);
  while (count > 1 && kernels && strcmp(kernels->name, arguments[1])) kernels = norma_kernels_at(++place);
  if (!kernels) {
    fprintf(stderr, "cases: this processor has no instruction set '%s'\n", arguments[1]);
    return 1;
  }
  for (int number = 0; number < norma_case_group_count(); number++) {
    const norma_case_hash found = norma_run_cases(kernels, number);
    printf("%s %s %ld %016" PRIx64 "\n", found.kernel, found.group, found.cases, found.hash);
  }
}
