// The loops that read and write tensors, for one type of their numbers. Before it is included, STORED must be the type, OF(x) the name
// of a function for it, TAKE(p) read a vector as floats and OF(put) write one, VALUE(x) and ROUNDED(x) do so with one number, and
// IS_FULL be defined for floats.
// Statistics, and what is computed, are floats and doubles whatever the type. Part of kernels_body.h, which see.

#include "rows.h"
#include "runs.h"
#ifdef IS_FULL
#include "short_rows.h"
#endif
#include "layer.h"

#undef STORED
#undef OF
#undef TAKE
#undef VALUE
#undef ROUNDED
