// TurboJPEG's header as it stands, with the functions that its versions 2 and 3 have in common. It reports errors as return
// values, where libjpeg's own interface jumps out of the calling function.
#ifndef NORMA_JPEG_SHIM_H
#define NORMA_JPEG_SHIM_H

#include <turbojpeg.h>

#endif
