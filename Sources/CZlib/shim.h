// zlib's header as it stands; the macros that Swift cannot see become functions.
#ifndef NORMA_ZLIB_SHIM_H
#define NORMA_ZLIB_SHIM_H

#include <zlib.h>

// Starts inflating a gzip (not raw, not zlib) stream.
static inline int norma_zlib_inflate_init_gzip(z_stream *stream) {
  return inflateInit2(stream, 16 + MAX_WBITS);
}

// Starts inflating a raw stream, without any header, as zip archives hold them.
static inline int norma_zlib_inflate_init_raw(z_stream *stream) {
  return inflateInit2(stream, -MAX_WBITS);
}

#endif
