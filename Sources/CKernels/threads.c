#include "CKernels.h"

static _Thread_local bool alone = false;

bool norma_is_alone(void) { return alone; }

bool norma_works_alone(bool now) {
  bool before = alone;
  alone = now;
  return before;
}
