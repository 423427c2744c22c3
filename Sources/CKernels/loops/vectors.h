// Loads, stores and what is done to one vector.
// Part of kernels_body.h, which see.

static inline __attribute__((always_inline)) vf NAME(load)(const float *p) { return *(const vf *)p; }
static inline __attribute__((always_inline)) void NAME(store)(float *p, vf v) { *(vf *)p = v; }
static inline __attribute__((always_inline)) vf NAME(splat)(float v) { return v - (vf){0}; }
// A number in every place of a vector of any type.
#define SPLAT(type, v) ((v) - (type){0})
// ReLU of a vector of any width. A NaN compares as false, and is passed on.
#define RECTIFIED(v) ((__typeof__(v))(~((v) <= 0.0f) & (__typeof__((v) <= 0.0f))(v)))
static inline __attribute__((always_inline)) vf NAME(rectify)(vf v) { return RECTIFIED(v); }

// At most LANES values, in pieces of known lengths.
static inline __attribute__((always_inline)) void NAME(copy)(float *to, const float *from, long count) {
  if (count & 16) __builtin_memcpy(to, from, 64);
  if (count & 8) { __builtin_memcpy(to, from, 32); to += 8, from += 8; }
  if (count & 4) { __builtin_memcpy(to, from, 16); to += 4, from += 4; }
  if (count & 2) { __builtin_memcpy(to, from, 8); to += 2, from += 2; }
  if (count & 1) *to = *from;
}

// Stores past the caches where the caller found that the result will not be read soon: p must be aligned to 64 bytes.
static inline __attribute__((always_inline)) void NAME(put)(float *p, vf v, bool streams) {
  if (streams) __builtin_nontemporal_store(v, (vfa *)p); else NAME(store)(p, v);
}

// How many of `count` values stand before the first place that NAME(put) can stream to.
static inline __attribute__((always_inline)) long NAME(lead)(const float *p, long count, bool streams) {
  long lead = streams ? (long)((64 - ((uintptr_t)p & 63)) & 63) / (long)sizeof(float) : 0;
  return lead < count ? lead : count;
}

// Lanes to one sum in double precision, always in the same order: halves upon halves.
static inline __attribute__((always_inline)) double NAME(sum_lanes)(vf v) {
  vd8 low = __builtin_convertvector(__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7), vd8);
  vd8 high = __builtin_convertvector(__builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15), vd8);
  vd8 s = low + high;
  vd4 t = __builtin_shufflevector(s, s, 0, 1, 2, 3) + __builtin_shufflevector(s, s, 4, 5, 6, 7);
  return (t[0] + t[2]) + (t[1] + t[3]);
}
