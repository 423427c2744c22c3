// Element by element.
// Part of kernels_body.h, which see.

// Adds a vector to each row, in place, and applies ReLU. `bias` may be NULL.
static void NAME(row_bias)(float *y, long rows, long width, const float *bias, bool rectifies) {
  for (long row = 0; row < rows; row++) {
    float *r = y + row * width;
    long c = 0;
    for (; c + LANES <= width; c += LANES) {
      vf v = NAME(load)(r + c);
      if (bias) v += NAME(load)(bias + c);
      NAME(store)(r + c, rectifies ? NAME(rectify)(v) : v);
    }
    for (; c < width; c++) {
      float v = bias ? r[c] + bias[c] : r[c];
      r[c] = rectifies && v <= 0 ? 0 : v;
    }
  }
}

// y = a + b, and ReLU; y may be a or b.
static void NAME(add)(const float *a, const float *b, float *y, long count, bool rectifies) {
  long i = 0;
  for (; i + LANES <= count; i += LANES) {
    vf v = NAME(load)(a + i) + NAME(load)(b + i);
    NAME(store)(y + i, rectifies ? NAME(rectify)(v) : v);
  }
  for (; i < count; i++) {
    float v = a[i] + b[i];
    y[i] = rectifies && v <= 0 ? 0 : v;
  }
}

// dx = g where y, or what it is the ReLU of, is positive or NaN, 0 elsewhere.
static void NAME(rectify_gradient)(const float *y, const float *g, float *dx, long count) {
  long i = 0;
  for (; i + LANES <= count; i += LANES) {
    NAME(store)(dx + i, (vf)(~(NAME(load)(y + i) <= 0.0f) & (vi)NAME(load)(g + i)));
  }
  for (; i < count; i++) dx[i] = y[i] <= 0 ? 0 : g[i];
}

// y = 0, written past the caches.
static void NAME(stream_zeros)(float *y, long count) {
  long i = 0;
  for (long lead = NAME(lead)(y, count, true); i < lead; i++) y[i] = 0;
  for (; i + LANES <= count; i += LANES) NAME(put)(y + i, (vf){0}, true);
  for (; i < count; i++) y[i] = 0;
}

// y = factor * x; y may be x.
static void NAME(scale)(const float *x, float *y, long count, float factor) {
  long i = 0;
  for (; i + LANES <= count; i += LANES) NAME(store)(y + i, factor * NAME(load)(x + i));
  for (; i < count; i++) y[i] = factor * x[i];
}

// min(max(v + 3, 0), 6) / 6.
static inline __attribute__((always_inline)) vf NAME(hard_step)(vf v) { return BOUNDED(v + 3.0f, 0.0f, 6.0f) / 6.0f; }

// y = `value` of each vector v of x; y may be x.
#define ELEMENTWISE(value) \
  long i = 0; \
  for (; i + LANES <= count; i += LANES) { \
    const vf v = NAME(load)(x + i); \
    NAME(store)(y + i, value); \
  } \
  if (i < count) { \
    const vf v = NAME(load_some)(x + i, count - i); \
    NAME(store_some)(y + i, value, count - i); \
  }
static void NAME(clamp)(const float *x, float *y, long count, float lower, float upper) {
  ELEMENTWISE(BOUNDED(v, lower, upper))
}
static void NAME(hard_sigmoid)(const float *x, float *y, long count) { ELEMENTWISE(NAME(hard_step)(v)) }
static void NAME(hard_swish)(const float *x, float *y, long count) { ELEMENTWISE(v * NAME(hard_step)(v)) }
#undef ELEMENTWISE

// mean += weight * (x - mean).
static void NAME(approach)(float *restrict mean, const float *restrict x, long count, float weight) {
  long i = 0;
  for (; i + LANES <= count; i += LANES) {
    vf m = NAME(load)(mean + i);
    NAME(store)(mean + i, m + weight * (NAME(load)(x + i) - m));
  }
  for (; i < count; i++) mean[i] += weight * (x[i] - mean[i]);
}

// The sum of the squares, which are exact in double precision: 32 partial sums, number by number, then halves upon halves.
static double NAME(sum_of_squares)(const float *x, long count) {
  vd8 sums[4] = {{0}};
  long i = 0;
  for (; i + 32 <= count; i += 32) FOR(j, 4) {
    const vd8 v = __builtin_convertvector(*(const vo *)(x + i + 8 * j), vd8);
    sums[j] += v * v;
  }
  for (; i < count; i++) sums[i % 32 / 8][i % 8] += (double)x[i] * x[i];
  const vd8 s = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  const vd4 t = __builtin_shufflevector(s, s, 0, 1, 2, 3) + __builtin_shufflevector(s, s, 4, 5, 6, 7);
  return (t[0] + t[2]) + (t[1] + t[3]);
}

// sums += each row of x, in double precision, one row after the other.
static void NAME(sum_rows)(const float *x, long stride, long rows, long width, double *sums) {
  long c = 0;
  for (; c + 32 <= width; c += 32) {
    vd8 s[4];
    FOR(j, 4) s[j] = *(const vd *)(sums + c + 8 * j);
    for (long row = 0; row < rows; row++) {
      FOR(j, 4) s[j] += __builtin_convertvector(*(const vo *)(x + row * stride + c + 8 * j), vd8);
    }
    FOR(j, 4) *(vd *)(sums + c + 8 * j) = s[j];
  }
  for (; c + 8 <= width; c += 8) {
    vd8 s = *(const vd *)(sums + c);
    for (long row = 0; row < rows; row++) s += __builtin_convertvector(*(const vo *)(x + row * stride + c), vd8);
    *(vd *)(sums + c) = s;
  }
  for (; c < width; c++) {
    double s = sums[c];
    for (long row = 0; row < rows; row++) s += x[row * stride + c];
    sums[c] = s;
  }
}

// One step of SGD with momentum, see OptimizerRule.
static void NAME(momentum)(
    float *restrict w, const float *restrict g, float *restrict velocity, long count, float rate, float momentum,
    bool nesterov) {
  long i = 0;
  for (; i + LANES <= count; i += LANES) {
    vf d = NAME(load)(g + i);
    vf v = momentum * NAME(load)(velocity + i) + d;
    NAME(store)(velocity + i, v);
    NAME(store)(w + i, NAME(load)(w + i) - rate * (nesterov ? d + momentum * v : v));
  }
  for (; i < count; i++) {
    velocity[i] = momentum * velocity[i] + g[i];
    w[i] -= rate * (nesterov ? g[i] + momentum * velocity[i] : velocity[i]);
  }
}

// So many numbers are looked at before their squares are taken.
#define SQUARED (4 * LANES)

// Whether the magnitudes of all numbers in `g` are below a bound, and none in `mean` is below 0, see MeanSquare.
static inline __attribute__((always_inline)) bool NAME(squares_fit)(
    const float *g, const float *mean, long count, float bound) {
  __auto_type fits = (vf){0} == (vf){0};
  long i = 0;
  for (; i + LANES <= count; i += LANES) {
    vf v = NAME(load)(g + i);
    fits &= (v < bound) & (v > -bound) & (NAME(load)(mean + i) >= 0.0f);
  }
  bool all = __builtin_reduce_and(fits) != 0;
  for (; i < count; i++) all &= g[i] < bound && g[i] > -bound && mean[i] >= 0.0f;
  return all;
}

// One step of Adam, see OptimizerRule: of gradients times `factor`, at most 1, and with the weights taken into a mean, as by
// NAME(approach). Returns how many numbers it was made for: all, or those before the first SQUARED of which one's square does not fit.
static inline __attribute__((always_inline)) long NAME(adam_step)(
    float *restrict w, const float *restrict g, float *restrict first, float *restrict second, long count, float beta1,
    float rest1, float beta2, float rest2, float rate, float rootScale, float epsilon, float shrink, float bound,
    float factor, float *restrict mean, float weight, bool hasMean) {
  long i = 0;
  for (; i + SQUARED <= count; ) {
    if (!NAME(squares_fit)(g + i, second + i, SQUARED, bound)) return i;
    for (long end = i + SQUARED; i < end; i += LANES) {
      vf v = factor * NAME(load)(g + i);
      vf m = beta1 * NAME(load)(first + i) + rest1 * v;
      vf s = beta2 * NAME(load)(second + i) + rest2 * v * v;
      NAME(store)(first + i, m);
      NAME(store)(second + i, s);
      vf x = shrink * NAME(load)(w + i) - rate * m / (__builtin_elementwise_sqrt(s) * rootScale + epsilon);
      NAME(store)(w + i, x);
      if (hasMean) {
        vf old = NAME(load)(mean + i);
        NAME(store)(mean + i, old + weight * (x - old));
      }
    }
  }
  if (!NAME(squares_fit)(g + i, second + i, count - i, bound)) return i;
  for (; i < count; i++) {
    float v = factor * g[i];
    first[i] = beta1 * first[i] + rest1 * v;
    second[i] = beta2 * second[i] + rest2 * v * v;
    w[i] = shrink * w[i] - rate * first[i] / (__builtin_elementwise_sqrt(second[i]) * rootScale + epsilon);
    if (hasMean) mean[i] += weight * (w[i] - mean[i]);
  }
  return count;
}

// The same; `mean` may be NULL.
static long NAME(adam)(
    float *w, const float *g, float *first, float *second, long count, float beta1, float rest1, float beta2,
    float rest2, float rate, float rootScale, float epsilon, float shrink, float bound, float factor, float *mean,
    float weight) {
  return mean ? NAME(adam_step)(w, g, first, second, count, beta1, rest1, beta2, rest2, rate, rootScale, epsilon, shrink,
                                bound, factor, mean, weight, true)
              : NAME(adam_step)(w, g, first, second, count, beta1, rest1, beta2, rest2, rate, rootScale, epsilon, shrink,
                                bound, factor, NULL, weight, false);
}

// One step of RMSProp, see OptimizerRule. Returns as Adam does.
static long NAME(rmsprop)(
    float *restrict w, const float *restrict g, float *restrict square, long count, float rate, float decay, float rest,
    float epsilon, float bound) {
  long i = 0;
  for (; i + SQUARED <= count; ) {
    if (!NAME(squares_fit)(g + i, square + i, SQUARED, bound)) return i;
    for (long end = i + SQUARED; i < end; i += LANES) {
      vf v = NAME(load)(g + i);
      vf s = decay * NAME(load)(square + i) + rest * v * v;
      NAME(store)(square + i, s);
      NAME(store)(w + i, NAME(load)(w + i) - rate * v / (__builtin_elementwise_sqrt(s) + epsilon));
    }
  }
  if (!NAME(squares_fit)(g + i, square + i, count - i, bound)) return i;
  for (; i < count; i++) {
    square[i] = decay * square[i] + rest * g[i] * g[i];
    w[i] -= rate * g[i] / (__builtin_elementwise_sqrt(square[i]) + epsilon);
  }
  return count;
}
#undef SQUARED
