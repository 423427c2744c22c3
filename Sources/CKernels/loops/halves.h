// Floats to numbers of half width, and back. Rounding is to the nearest, to even where two are as near, with the same bits everywhere: by
// operations on integers where a processor's own conversion flushes small numbers to zero, as that to bfloat16 does, or is not there.
// Part of kernels_body.h, which see.

// One vector where a mask has all bits set, another elsewhere.
static inline __attribute__((always_inline)) vi NAME(either)(vi mask, vi yes, vi no) { return (mask & yes) | (~mask & no); }

// The upper halves of what is a number. What is cut off rounds by a carry, which goes on into the exponent, and from the largest to
// infinity.
static inline __attribute__((always_inline)) vs NAME(carried_bfloat16)(vf v) {
  const vi bits = (vi)v;
  return (vs)(bits + (0x7fff + ((bits >> 16) & 1)));
}
// The same; what is not a number stays one, and quiet.
static inline __attribute__((always_inline)) vs NAME(with_bfloat16_above)(vf v) {
  return (vs)NAME(either)((vi)(v == v), (vi)NAME(carried_bfloat16)(v), (vi)v | 0x400000);
}

static inline __attribute__((always_inline)) vh NAME(bfloat16)(vf v) {
  const vs upper = NAME(with_bfloat16_above)(v);
  return __builtin_shufflevector(upper, upper, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

static inline __attribute__((always_inline)) vf NAME(of_bfloat16)(vh h) {
  // Each above sixteen zeros.
  return (vf)__builtin_shufflevector(h, (vh){0}, 16, 0, 17, 1, 18, 2, 19, 3, 20, 4, 21, 5, 22, 6, 23, 7, 24, 8, 25, 9, 26, 10,
                                     27, 11, 28, 12, 29, 13, 30, 14, 31, 15);
}

#ifdef HAS_FLOAT16
// IEEE 754's binary16, by the processor: of its conversions these neither flush small numbers nor depend on any mode.
static inline __attribute__((always_inline)) vh NAME(float16)(vf v) { return (vh)__builtin_convertvector(v, v16); }
static inline __attribute__((always_inline)) vf NAME(of_float16)(vh h) { return __builtin_convertvector((v16)h, vf); }
#else
// The digits below 2^-14, the smallest number with an exponent of its own: multiples of 2^-24. `magnitude` is below that of 2^-14.
static inline __attribute__((always_inline)) vi NAME(small_float16)(vi magnitude) {
  // From 25 places on nothing is left.
  const vi wanted = 126 - (magnitude >> 23), places = NAME(either)(wanted > 25, SPLAT(vi, 25), wanted);
  const vi digits = (magnitude & 0x7fffff) | 0x800000, below = (SPLAT(vi, 1) << (places - 1)) - 1;
  return (digits + below + ((digits >> places) & 1)) >> places;
}

// IEEE 754's binary16, by the same rules.
static inline __attribute__((always_inline)) vh NAME(float16)(vf v) {
  const vi bits = (vi)v, magnitude = bits & 0x7fffffff;
  // The exponent counts from 15 in place of 127.
  const vi rounded = (magnitude - (112 << 23) + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  const vi other = NAME(either)(magnitude > 0x7f800000, 0x7e00 | (magnitude >> 13), SPLAT(vi, 0x7c00));
  const vi isSmall = magnitude < (113 << 23);
  vi found = NAME(either)(magnitude >= (143 << 23), other & 0x7fff, rounded & ~isSmall);
  if (__builtin_reduce_or(isSmall & magnitude)) {
    found |= isSmall & NAME(small_float16)(NAME(either)(isSmall, magnitude, (vi){0}));
  }
  return __builtin_convertvector((vu)(found | (vi)((vu)bits >> 16 & 0x8000)), vh);
}

static inline __attribute__((always_inline)) vf NAME(of_float16)(vh h) {
  const vi half = (vi)__builtin_convertvector(h, vu), magnitude = (half & 0x7fff) << 13;
  const vi moved = magnitude + (112 << 23);
  // Below 2^-14 the digits stand behind a one that is not theirs. Infinity and what is not a number keep the largest exponent.
  const vi small = (vi)((vf)(magnitude + (113 << 23)) - 0x1p-14f);
  const vi found = NAME(either)(
      magnitude < (1 << 23), small, NAME(either)(magnitude >= (31 << 23), moved + (112 << 23), moved));
  return (vf)(found | (vi)((vu)(half & 0x8000) << 16));
}
#endif

// One number by way of a vector.
#define DEFINE_ONE(format)                                                                                  \
  static inline unsigned short NAME(one_##format)(float v) { return NAME(format)(NAME(splat)(v))[0]; }     \
  static inline float NAME(one_of_##format)(unsigned short h) { return NAME(of_##format)(h - (vh){0})[0]; }
DEFINE_ONE(float16)
DEFINE_ONE(bfloat16)
#undef DEFINE_ONE

// How many of `count` halves stand before the first place that can be streamed to.
static inline __attribute__((always_inline)) long NAME(half_lead)(const unsigned short *p, long count, bool streams) {
  long lead = streams ? (long)((32 - ((uintptr_t)p & 31)) & 31) / (long)sizeof *p : 0;
  return lead < count ? lead : count;
}
static inline __attribute__((always_inline)) void NAME(put_half)(unsigned short *p, vh h, bool streams) {
#ifdef HAS_FLOAT16
  // In a register of its own: compilers put narrowing and storing into one instruction, which goes through the caches.
  if (streams) __asm__("" : "+x"(h));
#endif
  if (streams) __builtin_nontemporal_store(h, (vha *)p); else *(vh *)p = h;
}

// Two vectors. Those whose conversion takes them apart are written apart.
static inline __attribute__((always_inline)) void NAME(put_pair_float16)(unsigned short *p, vf first, vf second, bool streams) {
  NAME(put_half)(p, NAME(float16)(first), streams);
  NAME(put_half)(p + LANES, NAME(float16)(second), streams);
}

// The others together, past the caches in whole lines where they stand so. Hardly any are no numbers.
static inline __attribute__((always_inline)) void NAME(put_pair_bfloat16)(unsigned short *p, vf first, vf second, bool streams) {
  vs upper[2] = {NAME(carried_bfloat16)(first), NAME(carried_bfloat16)(second)};
  if (__builtin_reduce_or((first != first) | (second != second))) {
    upper[0] = NAME(with_bfloat16_above)(first);
    upper[1] = NAME(with_bfloat16_above)(second);
  }
  const vs halves = __builtin_shufflevector(
      upper[0], upper[1], 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 43, 45, 47, 49, 51,
      53, 55, 57, 59, 61, 63);
  if (!streams) {
    *(vsu *)p = halves;
  } else if (((uintptr_t)p & 63) == 0) {
    __builtin_nontemporal_store(halves, (vs *)p);
  } else {
    NAME(put_half)(p, __builtin_shufflevector(halves, halves, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), true);
    NAME(put_half)(p + LANES, __builtin_shufflevector(halves, halves, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
                                                      30, 31), true);
  }
}

// What the loops of stored.h ask for.
#define DEFINE_STORED(format)                                                                                            \
  static inline __attribute__((always_inline)) void NAME(put_##format)(unsigned short *p, vf v, bool streams) {          \
    NAME(put_half)(p, NAME(format)(v), streams);                                                                         \
  }                                                                                                                      \
  static inline __attribute__((always_inline)) long NAME(lead_##format)(const unsigned short *p, long count, bool streams) { \
    return NAME(half_lead)(p, count, streams);                                                                           \
  }
DEFINE_STORED(float16)
DEFINE_STORED(bfloat16)
#undef DEFINE_STORED

// Less than a vector, by way of one.
#define NARROW_SOME(CONVERT, x, y, count)                                \
  do {                                                                   \
    const vh some = CONVERT(NAME(load_some)(x, count));                  \
    __builtin_memcpy(y, &some, (size_t)(count) * sizeof(unsigned short)); \
  } while (0)

#define DEFINE_NARROW(name, CONVERT)                                                                               \
  static inline __attribute__((always_inline)) void NAME(narrow_to_##name)(                                        \
      const float *x, unsigned short *y, long count, bool streams) {                                               \
    long i = NAME(half_lead)(y, count, streams);                                                                   \
    if (i > 0) NARROW_SOME(CONVERT, x, y, i);                                                                      \
    for (; i + LANES <= count; i += LANES) {                                                                       \
      NAME(put_half)(y + i, CONVERT(NAME(load)(x + i)), streams);                                                  \
    }                                                                                                              \
    if (i < count) NARROW_SOME(CONVERT, x + i, y + i, count - i);                                                  \
  }                                                                                                                \
  static void NAME(narrow_##name)(const float *x, unsigned short *y, long count, bool streams) {                   \
    if (streams) NAME(narrow_to_##name)(x, y, count, true); else NAME(narrow_to_##name)(x, y, count, false);       \
  }

#define DEFINE_WIDEN(name, CONVERT)                                                        \
  static void NAME(widen_##name)(const unsigned short *x, float *y, long count) {          \
    long i = 0;                                                                            \
    for (; i + LANES <= count; i += LANES) {                                               \
      __builtin_prefetch(x + i + NORMA_AHEAD);                                             \
      NAME(store)(y + i, CONVERT(*(const vh *)(x + i)));                                   \
    }                                                                                      \
    if (i < count) {                                                                       \
      vh some = {0};                                                                       \
      __builtin_memcpy(&some, x + i, (size_t)(count - i) * sizeof *x);                     \
      NAME(store_some)(y + i, CONVERT(some), count - i);                                   \
    }                                                                                      \
  }

// y = x, rounded.
DEFINE_NARROW(float16, NAME(float16))
DEFINE_NARROW(bfloat16, NAME(bfloat16))
// y = x.
DEFINE_WIDEN(float16, NAME(of_float16))
DEFINE_WIDEN(bfloat16, NAME(of_bfloat16))

#undef DEFINE_NARROW
#undef DEFINE_WIDEN
#undef NARROW_SOME
