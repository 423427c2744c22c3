// Loads, stores and what is done to one vector.
// Part of kernels_body.h, which see.

// A loop over registers: a constant number of times, and unrolled.
#define FOR(i, count) _Pragma("clang loop unroll(full)") for (int i = 0; i < (count); i++)

static inline __attribute__((always_inline)) vf NAME(load)(const float *p) { return *(const vf *)p; }
static inline __attribute__((always_inline)) void NAME(store)(float *p, vf v) { *(vf *)p = v; }
static inline __attribute__((always_inline)) vf NAME(splat)(float v) { return v - (vf){0}; }
// A number in every place of a vector of any type.
#define SPLAT(type, v) ((v) - (type){0})
// ReLU of a vector of any width. A NaN compares as false, and is passed on.
#define RECTIFIED(v) ((__typeof__(v))(~((v) <= 0.0f) & (__typeof__((v) <= 0.0f))(v)))
// `low` or `high` where a vector is beyond, the vector elsewhere. A NaN compares as false, and is passed on.
#define BOUNDED(v, low, high) \
  ({ \
    const __typeof__((v) < 0.0f) below = (v) < (low), above = ((v) > (high)) & ~below; \
    (__typeof__(v))((below & (__typeof__(below))SPLAT(__typeof__(v), low)) | \
                    (above & (__typeof__(below))SPLAT(__typeof__(v), high)) | (~(below | above) & (__typeof__(below))(v))); \
  })
static inline __attribute__((always_inline)) vf NAME(rectify)(vf v) { return RECTIFIED(v); }
static inline __attribute__((always_inline)) vf NAME(rectified_if)(vf v, bool rectifies) {
  return rectifies ? RECTIFIED(v) : v;
}

// At most LANES values, in pieces of known lengths.
static inline __attribute__((always_inline)) void NAME(copy)(float *to, const float *from, long count) {
  if (count & 16) __builtin_memcpy(to, from, 64);
  if (count & 8) { __builtin_memcpy(to, from, 32); to += 8, from += 8; }
  if (count & 4) { __builtin_memcpy(to, from, 16); to += 4, from += 4; }
  if (count & 2) { __builtin_memcpy(to, from, 8); to += 2, from += 2; }
  if (count & 1) *to = *from;
}

// The first `count` values where there are fewer than LANES of them, and zeros.
static inline __attribute__((always_inline)) vf NAME(load_some)(const float *p, long count) {
  if (count >= LANES) return NAME(load)(p);
  vf v = {0};
  NAME(copy)((float *)&v, p, count);
  return v;
}
static inline __attribute__((always_inline)) void NAME(store_some)(float *p, vf v, long count) {
  NAME(copy)(p, (const float *)&v, count < LANES ? count : LANES);
}

// Stores past the caches where the caller found that the result will not be read soon: p must be aligned to 64 bytes.
static inline __attribute__((always_inline)) void NAME(put)(float *p, vf v, bool streams) {
  if (streams) __builtin_nontemporal_store(v, (vfa *)p); else NAME(store)(p, v);
}

static inline __attribute__((always_inline)) void NAME(put_pair)(float *p, vf first, vf second, bool streams) {
  NAME(put)(p, first, streams);
  NAME(put)(p + LANES, second, streams);
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

// The same sums of eight vectors.
static inline __attribute__((always_inline)) vd8 NAME(sum_eight_lanes)(const vf v[8]) {
  vd8 s[8], t[4], u[2];
  FOR(i, 8) {
    s[i] = __builtin_convertvector(__builtin_shufflevector(v[i], v[i], 0, 1, 2, 3, 4, 5, 6, 7), vd8) +
           __builtin_convertvector(__builtin_shufflevector(v[i], v[i], 8, 9, 10, 11, 12, 13, 14, 15), vd8);
  }
  FOR(i, 4) {
    t[i] = __builtin_shufflevector(s[2 * i], s[2 * i + 1], 0, 1, 2, 3, 8, 9, 10, 11) +
           __builtin_shufflevector(s[2 * i], s[2 * i + 1], 4, 5, 6, 7, 12, 13, 14, 15);
  }
  FOR(i, 2) {
    u[i] = __builtin_shufflevector(t[2 * i], t[2 * i + 1], 0, 1, 4, 5, 8, 9, 12, 13) +
           __builtin_shufflevector(t[2 * i], t[2 * i + 1], 2, 3, 6, 7, 10, 11, 14, 15);
  }
  return __builtin_shufflevector(u[0], u[1], 0, 2, 4, 6, 8, 10, 12, 14) +
         __builtin_shufflevector(u[0], u[1], 1, 3, 5, 7, 9, 11, 13, 15);
}

// Eight values of `count` rows, at most eight, as columns; lanes beyond them repeat the last one. Halves of rows are put side by side as
// they are read, so that what is left are 4×4.
static inline __attribute__((always_inline)) void NAME(load_transposed)(
    const float *from, long stride, long count, vo columns[8]) {
  vo rows[2][4], pairs[2][4];
  FOR(half, 2) FOR(i, 4) {
    const float *above = from + (i < count ? i : count - 1) * stride;
    const float *below = from + (i + 4 < count ? i + 4 : count - 1) * stride;
    const vq low = *(const vq *)(above + 4 * half), high = *(const vq *)(below + 4 * half);
    rows[half][i] = __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
  }
  FOR(half, 2) FOR(i, 2) {
    pairs[half][i] = __builtin_shufflevector(rows[half][2 * i], rows[half][2 * i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    pairs[half][2 + i] = __builtin_shufflevector(rows[half][2 * i], rows[half][2 * i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  FOR(half, 2) FOR(i, 2) {
    const vo first = pairs[half][2 * i], second = pairs[half][2 * i + 1];
    columns[4 * half + 2 * i] = __builtin_shufflevector(first, second, 0, 1, 8, 9, 4, 5, 12, 13);
    columns[4 * half + 2 * i + 1] = __builtin_shufflevector(first, second, 2, 3, 10, 11, 6, 7, 14, 15);
  }
}

// The last r lanes set, from place r on.
static const int NAME(lane_masks)[2 * LANES] = {[LANES ... 2 * LANES - 1] = -1};

// Keeps the lanes of the last `count` < LANES of a run's values, which the vector before did not cover.
static inline __attribute__((always_inline)) vf NAME(keep_last)(vf v, long count) {
  return (vf)((vi)v & *(const vi *)(NAME(lane_masks) + count));
}
