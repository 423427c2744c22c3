// libpng's header as it stands. Only its simplified interface, png_image_*, is used: it reports errors as return values,
// where the other one jumps out of the calling function.
#ifndef NORMA_PNG_SHIM_H
#define NORMA_PNG_SHIM_H

#include <png.h>

#endif
