// The cases of CKernels/loops/planes.h.

// Planes from one value to more than a block of them, and outer slices further apart than their channels take.
#define EACH_PLANE(outers, channels, inner, stride) \
  EACH(inner, 1, 3, 7, 8, 9, 15, 16, 17, 33, 47, 49, 64, 65, 80, 100, 196, 1025, 4096, 4100, 8300) \
    EACH(channels, 1, 3, inner < 200 ? 11 : 2) EACH(outers, 1, inner < 1000 ? 3 : 2) \
      EACH(stride, channels * inner + (inner % 2 ? 7 : 0))

static void cases_of_plane_moments(norma_trial *t) {
  EACH_PLANE(outers, channels, inner, stride) {
    const float *x = norma_floats(t, outers * stride);
    float *base = norma_floats(t, channels);
    double *sums = norma_doubles(t, channels), *squares = norma_doubles(t, channels);
    t->kernels->plane_moments(x, outers, stride, channels, inner, base, sums, squares);
    norma_end(t);
  }
}

static void cases_of_plane_normalize(norma_trial *t) {
  EACH_PLANE(outers, channels, inner, stride) EACH_FLAG(rectifies) EACH_FLAG(streams) {
    const float *x = norma_floats(t, outers * stride);
    float *y = norma_floats(t, outers * stride);
    const transform f = transforms(t, channels);
    t->kernels->plane_normalize(x, y, outers, stride, channels, inner, f.pivot, f.scale, f.shift, rectifies, streams);
    norma_end(t);
  }
}

static void cases_of_plane_gradient_sums(norma_trial *t) {
  EACH_PLANE(outers, channels, inner, stride) EACH_FLAG(rectifies) {
    const float *g = norma_floats(t, outers * stride), *x = norma_floats(t, outers * stride);
    const transform f = transforms(t, channels);
    double *sums = norma_doubles(t, channels), *products = norma_doubles(t, channels);
    t->kernels->plane_gradient_sums(
        g, x, outers, stride, channels, inner, f.pivot, f.scale, f.shift, rectifies, sums, products);
    norma_end(t);
  }
}

static void cases_of_plane_input_gradient(norma_trial *t) {
  EACH_PLANE(outers, channels, inner, stride) EACH_FLAG(rectifies) EACH_FLAG(streams) {
    const float *g = norma_floats(t, outers * stride), *x = norma_floats(t, outers * stride);
    float *dx = norma_floats(t, outers * stride);
    const transform f = transforms(t, channels);
    const float *slope = norma_floats(t, channels), *offset = norma_floats(t, channels);
    t->kernels->plane_input_gradient(
        g, x, dx, outers, stride, channels, inner, f.pivot, f.scale, f.shift, slope, offset, rectifies, streams);
    norma_end(t);
  }
}
