// Elementary functions: for each float the value in double precision, rounded. What is computed, step by step, is what
// NormaTensor's Functions define; where those allow for what only a Double can hold, these have shorter ways to the same bits.
// Part of kernels_body.h, which see.

#include "coefficients.h"

#ifndef NORMA_FUNCTIONS
#define NORMA_FUNCTIONS
typedef unsigned long vu8 __attribute__((vector_size(64)));

// Bit by bit, `a` where the comparison `mask` holds and `b` elsewhere.
#define SELECT(mask, a, b) ((vd8)(((vu8)(mask) & (vu8)(a)) | (~(vu8)(mask) & (vu8)(b))))
#define MAGNITUDE(x) ((vd8)((vu8)(x) & 0x7fffffffffffffff))
#define WITH_SIGN(x, of) ((vd8)((vu8)(x) | ((vu8)(of) & 0x8000000000000000)))
// What comes of every NaN, whatever its sign and payload.
#define NOT_A_NUMBER ((vd8){0} + __builtin_nan(""))
// The first 26 bits: the product of two such numbers is exact.
#define LEADING(x) ((vd8)((vu8)(x) & ~0x7fffffful))
// A number plus this one ends in its nearest integer.
#define TO_INTEGER 0x1.8p52

// `eˣ = scale · (1 + r + tail)`, the scale being a power of two.
typedef struct { vd8 r, tail, scale; } norma_exponential;
// The sum of two numbers, the second a rounding error of the first.
typedef struct { vd8 high, low; } norma_pair;
#endif

#define COUNT(array) (int)(sizeof array / sizeof *array)
#define POLYNOMIAL(name, x, square) NAME(polynomial)(norma_##name##_coefficients, COUNT(norma_##name##_coefficients), x, square)

// Even and odd powers apart, which are two chains instead of one; products and sums fused or not.
#define DEFINE_POLYNOMIAL(name, contraction) \
  static inline __attribute__((always_inline)) vd8 NAME(name)(const double *c, int count, vd8 x, vd8 square) { \
    contraction \
    int evens = (count - 1) & ~1, odds = (count - 2) | 1; \
    vd8 even = c[evens] - (vd8){0}, odd = c[odds] - (vd8){0}; \
    for (int i = evens - 2; i >= 0; i -= 2) even = even * square + c[i]; \
    for (int i = odds - 2; i >= 0; i -= 2) odd = odd * square + c[i]; \
    return even + x * odd; \
  }
DEFINE_POLYNOMIAL(polynomial, )

// Of x + rest.
static inline __attribute__((always_inline)) norma_exponential NAME(exponential_parts)(vd8 x, vd8 rest) {
  vd8 shifted = x * norma_log2OfE + TO_INTEGER, power = shifted - TO_INTEGER;
  vd8 high = x - power * norma_ln2High, low = power * norma_ln2Low - rest;
  vd8 r = high - low, error = (high - r) - low, square = r * r;
  vd8 scale = (vd8)(((vu8)shifted + 1023) << 52);
  return (norma_exponential){r, square * POLYNOMIAL(exponential, r, square) + error, scale};
}

// 1 + r + tail.
static inline __attribute__((always_inline)) norma_pair NAME(unscaled)(norma_exponential e) {
  vd8 sum = 1.0 + e.r;
  return (norma_pair){sum, (e.r - (sum - 1.0)) + e.tail};
}

// The quotient of two pairs, rounded once but for some 2⁻⁷⁵: a first one of 26 bits, whose remainder is exact, and the rest.
static inline __attribute__((always_inline)) vd8 NAME(quotient)(norma_pair n, norma_pair d) {
  vd8 reciprocal = 1.0 / d.high;
  vd8 first = LEADING(n.high * reciprocal), leading = LEADING(d.high);
  vd8 remainder = ((n.high - first * leading) - first * ((d.high - leading) + d.low)) + n.low;
  return first + remainder * reciprocal;
}

static inline __attribute__((always_inline)) vd8 NAME(exponential8)(vd8 x) {
  // Beyond, a float is 0 or infinite.
  vd8 near = SELECT(x < -104.0, (vd8){0} - 104.0, SELECT(x > 89.0, (vd8){0} + 89.0, x));
  norma_exponential e = NAME(exponential_parts)(near, (vd8){0});
  norma_pair sum = NAME(unscaled)(e);
  return SELECT(x == x, (sum.high + sum.low) * e.scale, NOT_A_NUMBER);
}

static inline __attribute__((always_inline)) vd8 NAME(logarithm8)(vd8 x) {
  const vd8 one = (vd8){0} + 1.0, half = (vd8){0} + norma_squareRootOfHalf, infinity = (vd8){0} + __builtin_inf();
  // x = 2^power · m, m from √½ to √2.
  vu8 bits = (vu8)x + ((vu8)one - (vu8)half);
  vd8 power = (vd8)((bits >> 52) | (vu8)((vd8){0} + 0x1p52)) - (0x1p52 + 1023.0);
  vd8 f = (vd8)((bits & 0xffffffffffffful) + (vu8)half) - 1.0;
  vd8 s = f / (2.0 + f), square = s * s, halved = 0.5 * (f * f);
  vd8 tail = square * POLYNOMIAL(logarithm, square, square * square);
  vd8 whole = power * norma_ln2High, sum = whole + f, error = f - (sum - whole);
  vd8 y = sum - (halved - ((s * (halved + tail) + power * norma_ln2Low) + error));
  y = SELECT(x < infinity, y, infinity);
  return SELECT(x > 0.0, y, SELECT(x == 0.0, -infinity, NOT_A_NUMBER));
}

static inline __attribute__((always_inline)) vd8 NAME(sigmoid8)(vd8 x) {
  vd8 size = MAGNITUDE(x);
  size = SELECT(size > 120.0, (vd8){0} + 120.0, size);
  norma_exponential parts = NAME(exponential_parts)(-size, (vd8){0});
  norma_pair sum = NAME(unscaled)(parts);
  vd8 high = sum.high + sum.low, low = (sum.low - (high - sum.high)) * parts.scale;
  high *= parts.scale;
  vd8 whole = 1.0 + high;
  __auto_type negative = x < 0.0;
  norma_pair n = {SELECT(negative, high, (vd8){0} + 1.0), SELECT(negative, low, (vd8){0})};
  return SELECT(x == x, NAME(quotient)(n, (norma_pair){whole, (high - (whole - 1.0)) + low}), NOT_A_NUMBER);
}

static inline __attribute__((always_inline)) vd8 NAME(hyperbolic_tangent8)(vd8 x) {
  vd8 size = MAGNITUDE(x);
  size = SELECT(size > 20.0, (vd8){0} + 20.0, size);
  norma_exponential parts = NAME(exponential_parts)(-2.0 * size, (vd8){0});
  vd8 high = parts.r + parts.tail, low = parts.tail - (high - parts.r);
  // e⁻²ˣ − 1, the power of two less 1 first.
  vd8 start = parts.scale - 1.0, lost = parts.scale - (start + 1.0), change = parts.scale * high;
  vd8 less = start + change, lessLow = ((change - (less - start)) + lost) + parts.scale * low;
  vd8 sum = 2.0 + less;
  norma_pair d = {sum, (less - (sum - 2.0)) + lessLow};
  return SELECT(x == x, WITH_SIGN(NAME(quotient)((norma_pair){-less, -lessLow}, d), x), NOT_A_NUMBER);
}

// erf(x), up to 3/4.
static inline __attribute__((always_inline)) vd8 NAME(error_function_small)(vd8 size, vd8 square) {
  return size + size * POLYNOMIAL(errorFunction, square, square * square);
}

// exp(x²) · erfc(x).
static inline __attribute__((always_inline)) vd8 NAME(scaled_tail)(vd8 x) {
  vd8 square = x * x;
  return POLYNOMIAL(tailNumerator, x, square) / POLYNOMIAL(tailDenominator, x, square);
}

static inline __attribute__((always_inline)) vd8 NAME(error_function8)(vd8 x) {
  vd8 size = MAGNITUDE(x);
  size = SELECT(size > 6.0, (vd8){0} + 6.0, size);
  vd8 square = size * size, near = size - 1.0;
  norma_exponential parts = NAME(exponential_parts)(-square, (vd8){0});
  norma_pair sum = NAME(unscaled)(parts);
  vd8 far = 1.0 - (sum.high + sum.low) * parts.scale * NAME(scaled_tail)(size);
  vd8 middle = norma_errorFunctionOfOne + POLYNOMIAL(errorFunctionNearOne, near, near * near);
  vd8 y = SELECT(size < 0.75, NAME(error_function_small)(size, square), SELECT(size < 1.3125, middle, far));
  return SELECT(x == x, WITH_SIGN(y, x), NOT_A_NUMBER);
}

static inline __attribute__((always_inline)) vd8 NAME(gelu8)(vd8 x) {
  vd8 size = MAGNITUDE(x);
  // From 15 on a float is 0 on the left.
  size = SELECT(size > 36.0, (vd8){0} + 36.0, size);
  vd8 t = size * norma_squareRootOfHalf;
  // The normal distribution's share beyond |x|.
  vd8 small = 0.5 - 0.5 * NAME(error_function_small)(t, t * t);
  vd8 leading = LEADING(size);
  norma_exponential parts =
      NAME(exponential_parts)(-0.5 * (leading * leading), -0.5 * ((size - leading) * (size + leading)));
  norma_pair sum = NAME(unscaled)(parts);
  vd8 far = 0.5 * ((sum.high + sum.low) * parts.scale) * NAME(scaled_tail)(t);
  vd8 share = SELECT(t < 0.75, small, far);
  vd8 y = SELECT(x < 0.0, SELECT(x < -40.0, (vd8){0} - 40.0, x) * share, x * (1.0 - share));
  return SELECT(x == x, y, NOT_A_NUMBER);
}

// ---------------------------------------------------------------- shorter ways

// A quick value is nearer than 2⁻³⁹ to what the function gives as defined, relatively. Where the middle between two floats is not as near to
// it, both are rounded to the same float: for all but some of 2,000. A vector in which one is doubtful, or out of the quick way's
// reach, is computed as defined. So bits do not depend on how a quick value is rounded, and products and sums may be fused.
#define QUICKLY _Pragma("clang fp contract(fast)")
#define QUICK_POLYNOMIAL(name, x, square) \
  NAME(quick_polynomial)(norma_quick##name##_coefficients, COUNT(norma_quick##name##_coefficients), x, square)

DEFINE_POLYNOMIAL(quick_polynomial, QUICKLY)

// `e^−x` for |x| ≤ 104: `scale · (1 + change)`.
typedef struct { vd8 change, scale; } NAME(quick_exponential);
static inline __attribute__((always_inline)) NAME(quick_exponential) NAME(quick_exponential_parts)(vd8 x) {
  QUICKLY
  const vd8 shifted = TO_INTEGER - x * norma_log2OfE, power = shifted - TO_INTEGER;
  const vd8 r = -(x + power * (norma_ln2High + norma_ln2Low)), square = r * r;
  return (NAME(quick_exponential)){
      r + square * QUICK_POLYNOMIAL(Exponential, r, square), (vd8)(((vu8)shifted + 1023) << 52)};
}

static inline __attribute__((always_inline)) vd8 NAME(at_most)(vd8 x, double limit) {
  return SELECT(x < limit, x, (vd8){0} + limit);
}

// Each gives its value, and says in which places it may be used.
static inline __attribute__((always_inline)) vd8 NAME(quick_exponential8)(vd8 x, vl *known) {
  QUICKLY
  *known = (x > -87.0) & (x < 88.0);
  const NAME(quick_exponential) e = NAME(quick_exponential_parts)(-x);
  return e.scale + e.scale * e.change;
}

static inline __attribute__((always_inline)) vd8 NAME(quick_sigmoid8)(vd8 x, vl *known) {
  QUICKLY
  *known = x > -87.0;
  const NAME(quick_exponential) e = NAME(quick_exponential_parts)(NAME(at_most)(MAGNITUDE(x), 104.0));
  const vd8 power = e.scale + e.scale * e.change;
  return SELECT(x < 0.0, power, (vd8){0} + 1.0) / (1.0 + power);
}

static inline __attribute__((always_inline)) vd8 NAME(quick_hyperbolic_tangent8)(vd8 x, vl *known) {
  QUICKLY
  *known = x == x;
  const NAME(quick_exponential) e = NAME(quick_exponential_parts)(2.0 * NAME(at_most)(MAGNITUDE(x), 20.0));
  const vd8 less = (e.scale - 1.0) + e.scale * e.change;
  return WITH_SIGN(MAGNITUDE(less / (2.0 + less)), x);
}

static inline __attribute__((always_inline)) vd8 NAME(quick_gelu8)(vd8 x, vl *known) {
  QUICKLY
  const vd8 size = NAME(at_most)(MAGNITUDE(x), 13.0), t = size * norma_squareRootOfHalf, square = t * t;
  // Half of a number that is not normal may be the middle between two others.
  *known = (x > -12.5) & ((size == 0.0) | (size > 0x1p-125));
  const NAME(quick_exponential) e = NAME(quick_exponential_parts)(0.5 * (size * size));
  const vd8 share = (0.5 * (e.scale + e.scale * e.change)) * QUICK_POLYNOMIAL(TailNumerator, t, square) /
                    QUICK_POLYNOMIAL(TailDenominator, t, square);
  return x * SELECT(x < 0.0, share, 1.0 - share);
}

// Whether a middle between two floats is near one of eight known numbers, or one is not known.
static inline __attribute__((always_inline)) bool NAME(is_doubtful)(vd8 y, vl known) {
  const unsigned long near = 1ul << 15;
  const vu8 places = ((vu8)y + ((1ul << 28) + near)) & ((1ul << 29) - 1);
  return __builtin_reduce_or((vl)(places <= 2 * near) | ~known) != 0;
}

#define EIGHT(name) \
  static inline __attribute__((always_inline)) vo NAME(name##_of_eight)(vo x) { \
    return __builtin_convertvector(NAME(name##8)(__builtin_convertvector(x, vd8)), vo); \
  }
#define EIGHT_QUICKLY(name) \
  static __attribute__((noinline)) void NAME(name##_as_defined)(const float *x, float *y) { \
    *(vo *)y = __builtin_convertvector(NAME(name##8)(__builtin_convertvector(*(const vo *)x, vd8)), vo); \
  } \
  static inline __attribute__((always_inline)) vo NAME(name##_of_eight)(vo x) { \
    vl known; \
    const vd8 y = NAME(quick_##name##8)(__builtin_convertvector(x, vd8), &known); \
    vo result = __builtin_convertvector(y, vo); \
    if (__builtin_expect(NAME(is_doubtful)(y, known), 0)) { \
      const vo given = x; \
      NAME(name##_as_defined)((const float *)&given, (float *)&result); \
    } \
    return result; \
  }

EIGHT_QUICKLY(exponential)
EIGHT(logarithm)
EIGHT_QUICKLY(sigmoid)
EIGHT_QUICKLY(hyperbolic_tangent)
EIGHT(error_function)
EIGHT_QUICKLY(gelu)

#define FUNCTION(name) \
  static void NAME(name)(const float *x, float *y, long count) { \
    for (; count >= 8; count -= 8, x += 8, y += 8) *(vo *)y = NAME(name##_of_eight)(*(const vo *)x); \
    if (count > 0) { \
      vo last = {0}; \
      __builtin_memcpy(&last, x, count * sizeof *x); \
      last = NAME(name##_of_eight)(last); \
      __builtin_memcpy(y, &last, count * sizeof *y); \
    } \
  }

FUNCTION(exponential)
FUNCTION(logarithm)
FUNCTION(sigmoid)
FUNCTION(hyperbolic_tangent)
FUNCTION(error_function)
FUNCTION(gelu)

// ---------------------------------------------------------------- in single precision

// SiLU is defined in floats, see Functions.sigmoidLinearUnit, and so is twice as fast as a sigmoid that is rounded before it is multiplied.
static inline __attribute__((always_inline)) vf NAME(silu_of_sixteen)(vf x) {
  const vf one = NAME(splat)(1), toInteger = NAME(splat)(0x1.8p23f), limit = NAME(splat)(87), low = NAME(splat)(-norma_singleLn2Low);
#define SELECT_FLOATS(mask, a, b) ((vf)(((vi)(mask) & (vi)(a)) | (~(vi)(mask) & (vi)(b))))
#define COEFFICIENT(place) NAME(splat)(norma_singleExponential_coefficients[place])
  const vf near = SELECT_FLOATS(x < limit, x, limit);
  // e⁻ˣ = scale · (1 + change + changeLow)
  const vf shifted = MULTIPLY_ADD(near, NAME(splat)(-norma_singleLog2OfE), toInteger), power = shifted - toInteger;
  const vf high = MULTIPLY_ADD(power, NAME(splat)(-norma_singleLn2High), -near), r = MULTIPLY_ADD(power, low, high);
  const vf error = MULTIPLY_ADD(power, low, high - r), square = r * r;
  const vf even = MULTIPLY_ADD(MULTIPLY_ADD(COEFFICIENT(4), square, COEFFICIENT(2)), square, COEFFICIENT(0));
  const vf odd = MULTIPLY_ADD(COEFFICIENT(3), square, COEFFICIENT(1));
  const vf tail = MULTIPLY_ADD(square, MULTIPLY_ADD(odd, r, even), error);
  const vf change = r + tail, changeLow = tail - (change - r);
  const vf scale = (vf)(((vu)shifted + 127) << 23);
  // 1 + e⁻ˣ = below + belowLow
  const vi isLarge = (vi)(scale > one);
  const vf start = scale + one;
  const vf lost = SELECT_FLOATS(isLarge, one, scale) - (start - SELECT_FLOATS(isLarge, scale, one));
  const vf below = MULTIPLY_ADD(scale, change, start);
  const vf belowLow = MULTIPLY_ADD(scale, changeLow, MULTIPLY_ADD(scale, change, start - below) + lost);
#undef SELECT_FLOATS
#undef COEFFICIENT
  const vf reciprocal = one / below, quotient = x * reciprocal;
  const vf remainder = MULTIPLY_ADD(-quotient, belowLow, MULTIPLY_ADD(-quotient, below, x));
  return MULTIPLY_ADD(remainder, reciprocal, quotient);
}

// Of what is beyond, or no number.
static __attribute__((noinline)) void NAME(silu_beyond)(const float *x, float *y) {
  for (int half = 0; half < 16; half += 8) {
    const vd8 v = __builtin_convertvector(*(const vo *)(x + half), vd8);
    // A float is −0 from −109 on.
    const vd8 share = SELECT(v < -120.0, (vd8){0}, NAME(sigmoid8)(v)), product = v * share;
    *(vo *)(y + half) = __builtin_convertvector(SELECT(product == product, product, NOT_A_NUMBER), vo);
  }
}

static void NAME(silu)(const float *x, float *y, long count) {
  for (; count > 0; count -= LANES, x += LANES, y += LANES) {
    const vf given = NAME(load_some)(x, count);
    vf result = NAME(silu_of_sixteen)(given);
    const vi isNear = (vi)(given > -87.0f) & (vi)(given < __builtin_inff());
    if (__builtin_expect(__builtin_reduce_and(isNear) == 0, 0)) {
      vf beyond;
      NAME(silu_beyond)((const float *)&given, (float *)&beyond);
      result = (vf)((isNear & (vi)result) | (~isNear & (vi)beyond));
    }
    NAME(store_some)(y, result, count);
  }
}

#undef EIGHT
#undef EIGHT_QUICKLY
#undef QUICKLY
#undef DEFINE_POLYNOMIAL
#undef QUICK_POLYNOMIAL
#undef FUNCTION
#undef COUNT
#undef POLYNOMIAL
