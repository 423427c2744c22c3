// Planes: the values of one channel stand side by side.
// Part of kernels_body.h, which see.
//
// A kernel does `channels` neighbouring channels of `outers` outer slices, which are `stride` values apart: for images in
// NCHW the outer slices are images, and a plane has `inner` = H W values.

// The same for eight neighbouring channels whose runs are one block of at least LANES values: what is done with the lanes of one is
// done for all at once.
static inline __attribute__((always_inline)) void NAME(eight_runs_moments)(
    const float *x, long count, bool isFirst, float *base, double *sums, double *squares) {
  vf s[8], q[8];
  float pivots[8];
  vo p[8];
  NAME(load_transposed)(x, count, 8, p);
  const vo pivot = (((p[0] + p[1]) + (p[2] + p[3])) + ((p[4] + p[5]) + (p[6] + p[7]))) * 0.125f;
  *(vo *)pivots = pivot;
  for (int c = 0; c < 8; c++) NAME(plane_lanes)(x + c * count, count, pivots[c], s + c, q + c);
  if (isFirst) *(vo *)base = pivot;
  const vd8 sum = NAME(sum_eight_lanes)(s), square = NAME(sum_eight_lanes)(q);
  const vd8 e = __builtin_convertvector(pivot, vd8) - __builtin_convertvector(*(const vo *)base, vd8);
  const double n = (double)count;
  *(vd *)sums += sum + n * e;
  *(vd *)squares += (square + 2 * e * sum) + (n * e) * e;
}

// Sums of x - base and of its square for each channel. `base`, `sums` and `squares` are written.
static void NAME(plane_moments)(
    const float *x, long outers, long stride, long channels, long inner, float *base, double *sums, double *squares) {
  for (long c = 0; c < channels; c++) sums[c] = squares[c] = 0;
  for (long outer = 0; outer < outers; outer++) {
    long c = 0;
    if (inner >= LANES && inner <= NORMA_PLANE_BLOCK) {
      for (; c + 8 <= channels; c += 8) {
        NAME(eight_runs_moments)(x + outer * stride + c * inner, inner, outer == 0, base + c, sums + c, squares + c);
      }
    }
    for (; c < channels; c++) {
      NAME(run_moments)(x + outer * stride + c * inner, inner, outer == 0, base + c, sums + c, squares + c);
    }
  }
}

// Writes the `inner` values of a plane to r, by ONE(i) and SIXTEEN(i), which give one value and sixteen of them from place i on. What stands
// before the first place that can be streamed to, and after the last, is a part of sixteen that overlap with the others.
#define WRITE_PLANE \
  long i = 0; \
  if (inner < LANES) { \
    for (; i < inner; i++) r[i] = ONE(i); \
    continue; \
  } \
  i = NAME(lead)(r, inner, streams); \
  if (i > 0) { \
    const vf v = SIXTEEN(0); \
    NAME(copy)(r, (const float *)&v, i); \
  } \
  for (; i + LANES <= inner; i += LANES) NAME(put)(r + i, SIXTEEN(i), streams); \
  if (i < inner) { \
    const vf v = SIXTEEN(inner - LANES); \
    if (streams) NAME(copy)(r + i, (const float *)&v + LANES - (inner - i), inner - i); \
    else NAME(store)(r + inner - LANES, v); \
  }

// y = (x - pivot) * scale + shift, and ReLU.
static inline __attribute__((always_inline)) void NAME(planes_apply)(
    const float *x, float *y, long outers, long stride, long channels, long inner, const float *pivot,
    const float *scale, const float *shift, bool rectifies, bool streams) {
  for (long outer = 0; outer < outers; outer++) {
    for (long c = 0; c < channels; c++) {
      const float *p = x + outer * stride + c * inner;
      float *r = y + outer * stride + c * inner;
      vf k = NAME(splat)(pivot[c]), a = NAME(splat)(scale[c]), b = NAME(splat)(shift[c]);
#define ONE(i) NAME(transformed)(p[i], pivot[c], scale[c], shift[c], rectifies)
#define SIXTEEN(i) NAME(rectified_if)((NAME(load)(p + i) - k) * a + b, rectifies)
      WRITE_PLANE
#undef ONE
#undef SIXTEEN
    }
  }
}

static void NAME(plane_normalize)(
    const float *x, float *y, long outers, long stride, long channels, long inner, const float *pivot,
    const float *scale, const float *shift, bool rectifies, bool streams) {
#define CALL(R, S) NAME(planes_apply)(x, y, outers, stride, channels, inner, pivot, scale, shift, R, S)
  if (rectifies) { if (streams) CALL(true, true); else CALL(true, false); }
  else { if (streams) CALL(false, true); else CALL(false, false); }
#undef CALL
}

// Sums of g and of g (x - pivot) over one block of at least LANES values, lane by lane.
static inline __attribute__((always_inline)) void NAME(plane_gradient_lanes)(
    const float *g, const float *p, long n, float pivot, float scale, float shift, bool rectifies, vf *sum,
    vf *product) {
  vf k = NAME(splat)(pivot), a = NAME(splat)(scale), b = NAME(splat)(shift);
  vf s[2] = {{0}}, q[2] = {{0}};
  long i = 0;
  for (; i + 2 * LANES <= n; i += 2 * LANES) {
    for (int j = 0; j < 2; j++) {
      vf d = NAME(load)(p + i + j * LANES) - k;
      vf h = NAME(active)(NAME(load)(g + i + j * LANES), d, a, b, rectifies);
      s[j] += h;
      q[j] += h * d;
    }
  }
  if (i + LANES <= n) {
    vf d = NAME(load)(p + i) - k;
    vf h = NAME(active)(NAME(load)(g + i), d, a, b, rectifies);
    s[0] += h;
    q[0] += h * d;
    i += LANES;
  }
  if (i < n) {
    vf d = NAME(load)(p + n - LANES) - k;
    vf h = NAME(keep_last)(NAME(active)(NAME(load)(g + n - LANES), d, a, b, rectifies), n - i);
    s[1] += h;
    q[1] += NAME(keep_last)(h * d, n - i);
  }
  *sum = s[0] + s[1];
  *product = q[0] + q[1];
}

// Adds the sums of g and of g (x - pivot) over one run of values.
static inline __attribute__((always_inline)) void NAME(run_gradient_sums)(
    const float *g, const float *x, long count, float pivot, float scale, float shift, bool rectifies, double *sum,
    double *product) {
  for (long start = 0; start < count; start += NORMA_PLANE_BLOCK) {
    long n = count - start < NORMA_PLANE_BLOCK ? count - start : NORMA_PLANE_BLOCK;
    const float *gp = g + start, *p = x + start;
    double blockSum = 0, blockProduct = 0;
    if (n >= LANES) {
      vf s, q;
      NAME(plane_gradient_lanes)(gp, p, n, pivot, scale, shift, rectifies, &s, &q);
      blockSum = NAME(sum_lanes)(s);
      blockProduct = NAME(sum_lanes)(q);
    } else {
      for (long i = 0; i < n; i++) {
        float d = p[i] - pivot;
        float h = rectifies && d * scale + shift <= 0 ? 0 : gp[i];
        blockSum += h;
        blockProduct += h * d;
      }
    }
    *sum += blockSum;
    *product += blockProduct;
  }
}

static inline __attribute__((always_inline)) void NAME(planes_gradient_sums)(
    const float *g, const float *x, long outers, long stride, long channels, long inner, const float *pivot,
    const float *scale, const float *shift, bool rectifies, double *sums, double *products) {
  for (long c = 0; c < channels; c++) sums[c] = products[c] = 0;
  for (long outer = 0; outer < outers; outer++) {
    long c = 0;
    if (inner >= LANES && inner <= NORMA_PLANE_BLOCK) {
      // Eight neighbours at a time, as for the moments.
      for (; c + 8 <= channels; c += 8) {
        vf s[8], q[8];
        for (int i = 0; i < 8; i++) {
          const long at = outer * stride + (c + i) * inner;
          NAME(plane_gradient_lanes)(
              g + at, x + at, inner, pivot[c + i], scale[c + i], shift[c + i], rectifies, s + i, q + i);
        }
        *(vd *)(sums + c) += NAME(sum_eight_lanes)(s);
        *(vd *)(products + c) += NAME(sum_eight_lanes)(q);
      }
    }
    for (; c < channels; c++) {
      const long at = outer * stride + c * inner;
      NAME(run_gradient_sums)(
          g + at, x + at, inner, pivot[c], scale[c], shift[c], rectifies, sums + c, products + c);
    }
  }
}

// Sums of g and of g (x - pivot) for each channel. `sums` and `products` are written.
static void NAME(plane_gradient_sums)(
    const float *g, const float *x, long outers, long stride, long channels, long inner, const float *pivot,
    const float *scale, const float *shift, bool rectifies, double *sums, double *products) {
#define CALL(R) \
  NAME(planes_gradient_sums)(g, x, outers, stride, channels, inner, pivot, scale, shift, R, sums, products)
  if (rectifies) CALL(true); else CALL(false);
#undef CALL
}

static inline __attribute__((always_inline)) vf NAME(sixteen_input_gradients)(
    const float *g, const float *x, vf pivot, vf scale, vf shift, vf slope, vf offset, bool rectifies) {
  const vf d = NAME(load)(x) - pivot;
  return (NAME(active)(NAME(load)(g), d, scale, shift, rectifies) * scale - d * slope) - offset;
}

static inline __attribute__((always_inline)) void NAME(planes_input_gradient)(
    const float *g, const float *x, float *dx, long outers, long stride, long channels, long inner, const float *pivot,
    const float *scale, const float *shift, const float *slope, const float *offset, bool rectifies, bool streams) {
  for (long outer = 0; outer < outers; outer++) {
    for (long c = 0; c < channels; c++) {
      const long at = outer * stride + c * inner;
      const float *gp = g + at, *p = x + at;
      float *r = dx + at;
      vf k = NAME(splat)(pivot[c]), a = NAME(splat)(scale[c]), b = NAME(splat)(shift[c]);
      vf m = NAME(splat)(slope[c]), o = NAME(splat)(offset[c]);
#define ONE(i) NAME(one_input_gradient)(gp[i], p[i], pivot[c], scale[c], shift[c], slope[c], offset[c], rectifies)
#define SIXTEEN(i) NAME(sixteen_input_gradients)(gp + i, p + i, k, a, b, m, o, rectifies)
      WRITE_PLANE
#undef SIXTEEN
#undef ONE
    }
  }
}

// dx = g * scale - (x - pivot) * slope - offset.
static void NAME(plane_input_gradient)(
    const float *g, const float *x, float *dx, long outers, long stride, long channels, long inner, const float *pivot,
    const float *scale, const float *shift, const float *slope, const float *offset, bool rectifies, bool streams) {
#define CALL(R, S) \
  NAME(planes_input_gradient)( \
      g, x, dx, outers, stride, channels, inner, pivot, scale, shift, slope, offset, R, S)
  if (rectifies) { if (streams) CALL(true, true); else CALL(true, false); }
  else { if (streams) CALL(false, true); else CALL(false, false); }
#undef CALL
}
#undef WRITE_PLANE
