// The kernels' one source, included once for each instruction set. Before it is included, NAME(x) must give the function
// names of that set, SHOWN its own name, and STRIP the number of vectors of a row whose sums it can hold in registers, ROWS how
// many rows of a product, and MULTIPLY_ADD how a product is added to a sum in one rounding.
//
// Every value a kernel computes depends on the operands and their shape alone: sums run over rows one by one, or over a
// fixed number of lanes, and a product and a sum are rounded once only where MULTIPLY_ADD says so. All sets give the same bits.

// Sixteen floats, wherever they stand. On narrower hardware the compiler uses several registers.
#define LANES 16

#include "loops/vectors.h"
#include "loops/halves.h"
#include "loops/channels.h"

#define STORED float
#define OF(x) NAME(x)
#define TAKE(p) NAME(load)(p)
#define VALUE(x) (x)
#define ROUNDED(x) (x)
#define IS_FULL
#include "loops/stored.h"
#undef IS_FULL

#define STORED unsigned short
#define OF(x) NAME(x##_float16)
#define TAKE(p) NAME(of_float16)(*(const vh *)(p))
#define VALUE(x) NAME(one_of_float16)(x)
#define ROUNDED(x) NAME(one_float16)(x)
#include "loops/stored.h"

#define STORED unsigned short
#define OF(x) NAME(x##_bfloat16)
#define TAKE(p) NAME(of_bfloat16)(*(const vh *)(p))
#define VALUE(x) NAME(one_of_bfloat16)(x)
#define ROUNDED(x) NAME(one_bfloat16)(x)
#include "loops/stored.h"

#include "loops/planes.h"
#include "loops/elements.h"
#include "loops/product.h"
#include "loops/functions.h"
#include "loops/convolution.h"
#include "loops/winograd.h"

static const norma_kernels NAME(table) = {
  .name = SHOWN,
#define ENTRY(result, name, operands) .name = NAME(name),
  NORMA_KERNEL_LIST(ENTRY)
#undef ENTRY
};

#undef FOR_STRIPS
#undef IS_ORDINARY
#undef TOGETHER
#undef RECTIFIED
#undef BOUNDED
#undef SPLAT
#undef FOR
#undef LANES
