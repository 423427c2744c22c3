// Planes: the values of one channel stand side by side.
// Part of kernels_body.h, which see.

// Sums of x - base and of its square over one run of values, where `base` is the first value's block's pivot if
// `isFirst`, and read otherwise.
void NAME(plane_moments)(const float *x, long count, bool isFirst, float *base, double *sum, double *square) {
  for (long start = 0; start < count; start += NORMA_PLANE_BLOCK) {
    const float *p = x + start;
    long n = count - start < NORMA_PLANE_BLOCK ? count - start : NORMA_PLANE_BLOCK;
    float pivot = n < 8 ? p[0]
                        : (((p[0] + p[1]) + (p[2] + p[3])) + ((p[4] + p[5]) + (p[6] + p[7]))) * 0.125f;
    vf k = NAME(splat)(pivot);
    vf s[4] = {{0}}, q[4] = {{0}};
    long i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
      for (int j = 0; j < 4; j++) {
        vf d = NAME(load)(p + i + j * LANES) - k;
        s[j] += d;
        q[j] += d * d;
      }
    }
    for (int j = 0; i + LANES <= n; i += LANES, j++) {
      vf d = NAME(load)(p + i) - k;
      s[j] += d;
      q[j] += d * d;
    }
    double blockSum = NAME(sum_lanes)((s[0] + s[1]) + (s[2] + s[3]));
    double blockSquare = NAME(sum_lanes)((q[0] + q[1]) + (q[2] + q[3]));
    for (; i < n; i++) {
      float d = p[i] - pivot;
      blockSum += d;
      blockSquare += d * d;
    }
    if (isFirst && start == 0) *base = pivot;
    double e = (double)pivot - (double)*base;
    *sum += blockSum + (double)n * e;
    *square += (blockSquare + 2 * e * blockSum) + ((double)n * e) * e;
  }
}

// y = (x - pivot) * scale + shift, and ReLU.
static inline __attribute__((always_inline)) void NAME(plane_apply)(
    const float *x, float *y, long count, float pivot, float scale, float shift, bool rectifies, bool streams) {
  vf k = NAME(splat)(pivot), a = NAME(splat)(scale), b = NAME(splat)(shift);
  long i = 0;
  for (; i + LANES <= count; i += LANES) {
    vf v = (NAME(load)(x + i) - k) * a + b;
    NAME(put)(y + i, rectifies ? NAME(rectify)(v) : v, streams);
  }
  for (; i < count; i++) {
    float v = (x[i] - pivot) * scale + shift;
    y[i] = rectifies && v <= 0 ? 0 : v;
  }
}

void NAME(plane_normalize)(
    const float *x, float *y, long count, float pivot, float scale, float shift, bool rectifies, bool streams) {
  if (rectifies) {
    if (streams) NAME(plane_apply)(x, y, count, pivot, scale, shift, true, true);
    else NAME(plane_apply)(x, y, count, pivot, scale, shift, true, false);
  } else {
    if (streams) NAME(plane_apply)(x, y, count, pivot, scale, shift, false, true);
    else NAME(plane_apply)(x, y, count, pivot, scale, shift, false, false);
  }
}

static inline __attribute__((always_inline)) void NAME(plane_sums)(
    const float *g, const float *x, long count, float pivot, float scale, float shift, bool rectifies, double *sum,
    double *product) {
  vf k = NAME(splat)(pivot), a = NAME(splat)(scale), b = NAME(splat)(shift);
  for (long start = 0; start < count; start += NORMA_PLANE_BLOCK) {
    long n = count - start < NORMA_PLANE_BLOCK ? count - start : NORMA_PLANE_BLOCK;
    const float *gp = g + start, *p = x + start;
    vf s[2] = {{0}}, q[2] = {{0}};
    long i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
      for (int j = 0; j < 2; j++) {
        vf d = NAME(load)(p + i + j * LANES) - k;
        vf h = NAME(active)(NAME(load)(gp + i + j * LANES), d, a, b, rectifies);
        s[j] += h;
        q[j] += h * d;
      }
    }
    double blockSum = NAME(sum_lanes)(s[0] + s[1]), blockProduct = NAME(sum_lanes)(q[0] + q[1]);
    for (; i < n; i++) {
      float d = p[i] - pivot;
      float h = rectifies && d * scale + shift <= 0 ? 0 : gp[i];
      blockSum += h;
      blockProduct += h * d;
    }
    *sum += blockSum;
    *product += blockProduct;
  }
}

// Adds the sums of g and of g (x - pivot) over one run of values.
void NAME(plane_gradient_sums)(
    const float *g, const float *x, long count, float pivot, float scale, float shift, bool rectifies, double *sum,
    double *product) {
  if (rectifies) NAME(plane_sums)(g, x, count, pivot, scale, shift, true, sum, product);
  else NAME(plane_sums)(g, x, count, pivot, scale, shift, false, sum, product);
}

static inline __attribute__((always_inline)) void NAME(plane_gradient)(
    const float *g, const float *x, float *dx, long count, float pivot, float scale, float shift, float slope,
    float offset, bool rectifies, bool streams) {
  vf k = NAME(splat)(pivot), a = NAME(splat)(scale), b = NAME(splat)(shift);
  vf m = NAME(splat)(slope), o = NAME(splat)(offset);
  long i = 0;
  for (; i + LANES <= count; i += LANES) {
    vf d = NAME(load)(x + i) - k;
    vf h = NAME(active)(NAME(load)(g + i), d, a, b, rectifies);
    NAME(put)(dx + i, (h * a - d * m) - o, streams);
  }
  for (; i < count; i++) {
    float d = x[i] - pivot;
    float h = rectifies && d * scale + shift <= 0 ? 0 : g[i];
    dx[i] = (h * scale - d * slope) - offset;
  }
}

// dx = g * scale - (x - pivot) * slope - offset.
void NAME(plane_input_gradient)(
    const float *g, const float *x, float *dx, long count, float pivot, float scale, float shift, float slope,
    float offset, bool rectifies, bool streams) {
  if (rectifies) {
    if (streams) NAME(plane_gradient)(g, x, dx, count, pivot, scale, shift, slope, offset, true, true);
    else NAME(plane_gradient)(g, x, dx, count, pivot, scale, shift, slope, offset, true, false);
  } else {
    if (streams) NAME(plane_gradient)(g, x, dx, count, pivot, scale, shift, slope, offset, false, true);
    else NAME(plane_gradient)(g, x, dx, count, pivot, scale, shift, slope, offset, false, false);
  }
}
