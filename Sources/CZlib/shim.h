#include <zlib.h>

// Macros that call with the size and version of the library that was compiled against.
static inline int carillon_deflate_init(z_stream *stream, int level, int window_bits, int memory_level) {
    return deflateInit2(stream, level, Z_DEFLATED, window_bits, memory_level, Z_DEFAULT_STRATEGY);
}
static inline int carillon_inflate_init(z_stream *stream, int window_bits) { return inflateInit2(stream, window_bits); }
