// What is done channel by channel: with the sums of a block, and what statistics are made of.
// Part of kernels_body.h, which see.

// Two ways to go through a block of rows, with the same sums. Down a strip of channels: the sums stay in registers, but
// each row is read in pieces. Along a few rows at once: the sums come and go from the first cache, and memory is read as
// it lies. The first is for narrow rows out of memory, the second for all else.
#define TOGETHER 8
static inline bool NAME(goes_along)(long rows, long width) { return width >= 512 || rows * width <= 1 << 15; }

// Whether more rows of a block are added down strips: none may overlap with another, whose sums it would take in twice.
static inline bool NAME(goes_in_strips)(long width) { return width < 512 && width % LANES == 0; }

// Calls a strip kernel for every strip of a width of at least LANES; the last strip overlaps the one before it, and
// computes the same values again.
#define FOR_STRIPS(width, CALL)                                  \
  do {                                                           \
    long at = 0;                                                 \
    for (; at + STRIP * LANES <= (width); at += STRIP * LANES) { \
      const long vectors = STRIP;                                \
      CALL;                                                      \
    }                                                            \
    for (; at + LANES <= (width); at += LANES) {                 \
      const long vectors = 1;                                    \
      CALL;                                                      \
    }                                                            \
    if (at < (width)) {                                          \
      const long vectors = 1;                                    \
      at = (width) - LANES;                                      \
      CALL;                                                      \
    }                                                            \
  } while (0)

// Adds n values' sums around `pivot` to sums around `base`: with e = pivot - base, S += s + n e and
// Q += q + 2 e s + n e^2.
static inline __attribute__((always_inline)) void NAME(add_around)(
    float pivot, double sum, double square, double n, float base, double *sums, double *squares) {
  double e = (double)pivot - (double)base;
  *sums += sum + n * e;
  *squares += (square + 2 * e * sum) + (n * e) * e;
}

// The same for the single precision of a block and each channel of a row.
static inline void NAME(add_moments)(
    const float *restrict pivot, const float *restrict sum, const float *restrict square, const float *restrict base,
    long width, double n, double *restrict sums, double *restrict squares) {
  for (long c = 0; c < width; c++) {
    NAME(add_around)(pivot[c], (double)sum[c], (double)square[c], n, base[c], sums + c, squares + c);
  }
}

// y = (x - pivot) * scale + shift, and ReLU.
static inline __attribute__((always_inline)) float NAME(transformed)(
    float x, float pivot, float scale, float shift, bool rectifies) {
  float v = (x - pivot) * scale + shift;
  return rectifies && v <= 0 ? 0 : v;
}

// The gradient where the ReLU that followed was active.
static inline __attribute__((always_inline)) vf NAME(active)(vf gradient, vf distance, vf scale, vf shift, bool rectifies) {
  if (!rectifies) return gradient;
  return (vf)(~(distance * scale + shift <= 0.0f) & (vi)gradient);
}

// dx = g * scale - (x - pivot) * slope - offset.
static inline __attribute__((always_inline)) float NAME(one_input_gradient)(
    float g, float x, float pivot, float scale, float shift, float slope, float offset, bool rectifies) {
  float d = x - pivot;
  float h = rectifies && d * scale + shift <= 0 ? 0 : g;
  return (h * scale - d * slope) - offset;
}

static inline __attribute__((always_inline)) vf NAME(input_gradient)(
    vf g, vf distance, vf scale, vf shift, vf slope, vf offset, bool rectifies) {
  return (NAME(active)(g, distance, scale, shift, rectifies) * scale - distance * slope) - offset;
}

// Adds one part's sums around its own base to those around another.
static void NAME(merge_moments)(
    const float *restrict partBase, const double *restrict partSums, const double *restrict partSquares,
    const float *restrict base, long width, double n, double *restrict sums, double *restrict squares) {
  for (long c = 0; c < width; c++) {
    NAME(add_around)(partBase[c], partSums[c], partSquares[c], n, base[c], sums + c, squares + c);
  }
}

// Whether no value is farther from 0 than `most`; one that is not a number is.
static inline bool NAME(are_within)(const float *values, long count, float most) {
  vi others = {0};
  long i = 0, left = 0;
  for (; i + LANES <= count; i += LANES) {
    others |= ~((vf)((vi)NAME(load)(values + i) & 0x7fffffff) <= most);
  }
  for (; i < count; i++) left += !(__builtin_fabsf(values[i]) <= most);
  return left == 0 && __builtin_reduce_or(others) == 0;
}

// Whether the kernels can normalize with such a 1 / s in single precision: for one number, or lanes of them.
#define IS_ORDINARY(reciprocal) (((reciprocal) >= 1 / NORMA_STEEPEST) & ((reciprocal) <= NORMA_STEEPEST))

// From the sums around `base` of n values a channel: the means, the centred second moments, and what normalizes them.
// With mean = pivot + rest, pivot being a float: y = (x - pivot) * scale + shift, where scale = gamma / s and
// shift = beta - rest * gamma / s. gamma and beta may be NULL.
static inline __attribute__((always_inline)) void NAME(finish)(
    const float *restrict base, const double *restrict sums, const double *restrict squares, long width, double n,
    double epsilon, const float *restrict gamma, const float *restrict beta, double *restrict mean,
    double *restrict second, double *restrict reciprocal, float *restrict pivot, float *restrict scale,
    float *restrict shift) {
  double share = 1 / n;
  for (long c = 0; c < width; c++) {
    double s = sums[c];
    mean[c] = (double)base[c] + s * share;
    second[c] = squares[c] - s * share * s;
  }
  long c = 0;
  for (; c + 8 <= width; c += 8) {
    vd v = *(vd *)(second + c) * share + epsilon;
    *(vd *)(reciprocal + c) = 1.0 / __builtin_elementwise_sqrt(v);
  }
  for (; c < width; c++) reciprocal[c] = 1 / __builtin_elementwise_sqrt(second[c] * share + epsilon);
  for (c = 0; c < width; c++) {
    float k = (float)mean[c];
    double a = (gamma ? (double)gamma[c] : 1.0) * reciprocal[c];
    pivot[c] = k;
    scale[c] = (float)a;
    shift[c] = (float)((beta ? (double)beta[c] : 0.0) - (mean[c] - (double)k) * a);
  }
}

// The same; whether every channel is ordinary.
static bool NAME(finish_moments)(
    const float *base, const double *sums, const double *squares, long width, double n, double epsilon,
    const float *gamma, const float *beta, double *mean, double *second, double *reciprocal, float *pivot, float *scale,
    float *shift) {
  NAME(finish)(base, sums, squares, width, n, epsilon, gamma, beta, mean, second, reciprocal, pivot, scale, shift);
  vl ordinary = ~(vl){0};
  long c = 0, others = 0;
  for (; c + 8 <= width; c += 8) ordinary &= (vl)IS_ORDINARY(*(vd *)(reciprocal + c));
  others += !__builtin_reduce_and(ordinary);
  for (; c < width; c++) others += !IS_ORDINARY(reciprocal[c]);
  return others == 0 && NAME(are_within)(scale, width, NORMA_LARGEST_SCALE);
}

// scale = gamma / sqrt(variance + epsilon), in double precision until it is stored. gamma may be NULL. Whether every channel is
// ordinary: there, x - mean is a float for every float x.
static bool NAME(channel_scales)(
    const float *mean, const float *variance, const float *gamma, long width, double epsilon, float *scale) {
  long c = 0, others = 0;
  vl ordinary = ~(vl){0};
  for (; c + 8 <= width; c += 8) {
    vd8 v, g;
    for (int i = 0; i < 8; i++) {
      v[i] = variance[c + i];
      g[i] = gamma ? gamma[c + i] : 1.0f;
    }
    vd8 root = 1.0 / __builtin_elementwise_sqrt(v + epsilon), a = g * root;
    ordinary &= (vl)IS_ORDINARY(root);
    for (int i = 0; i < 8; i++) scale[c + i] = (float)a[i];
  }
  others += !__builtin_reduce_and(ordinary);
  for (; c < width; c++) {
    double root = 1 / __builtin_elementwise_sqrt((double)variance[c] + epsilon);
    scale[c] = (float)((gamma ? (double)gamma[c] : 1.0) * root);
    others += !IS_ORDINARY(root);
  }
  return others == 0 && NAME(are_within)(scale, width, NORMA_LARGEST_SCALE) &&
         NAME(are_within)(mean, width, NORMA_NEAR);
}

// From the sums of g and of g (x - pivot) over n values a channel: the gradients of gamma and beta, and what makes
// that of x: dx = g * scale - (x - pivot) * slope - offset. Whether they are floats in every channel.
static bool NAME(finish_gradients)(
    const double *restrict sums, const double *restrict products, long width, double n, const double *restrict mean,
    const double *restrict reciprocal, const float *restrict pivot, const float *restrict gamma,
    float *restrict gammaGradient, float *restrict betaGradient, float *restrict slope, float *restrict offset) {
  double share = 1 / n;
  for (long c = 0; c < width; c++) {
    double rest = mean[c] - (double)pivot[c], r = reciprocal[c];
    double a = (gamma ? (double)gamma[c] : 1.0) * r;
    double d = (products[c] - rest * sums[c]) * r;
    double m = a * r * d * share;
    gammaGradient[c] = (float)d;
    betaGradient[c] = (float)sums[c];
    slope[c] = (float)m;
    offset[c] = (float)(a * sums[c] * share - rest * m);
  }
  // Infinite sums give none either: what is infinite times 0 or less itself is not a number.
  return NAME(are_within)(slope, width, __FLT_MAX__) && NAME(are_within)(offset, width, __FLT_MAX__);
}
