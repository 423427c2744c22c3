// Rows, each normalized by its own statistics.
// Part of kernels_body.h, which see.

static inline __attribute__((always_inline)) void NAME(layers_apply)(
    const float *x, float *y, long rows, long channels, const float *gamma, const float *beta, double epsilon,
    double *mean, double *reciprocal, bool streams) {
  const double share = 1 / (double)channels;
  for (long row = 0; row < rows; row++) {
    const float *p = x + row * channels;
    float *r = y + row * channels;
    float base = 0;
    double sum = 0, square = 0;
    NAME(run_moments)(p, channels, true, &base, &sum, &square);
    double m = base + sum * share;
    double variance = (square - sum * share * sum) * share;
    double reciprocalDeviation = 1 / __builtin_elementwise_sqrt(variance + epsilon);
    mean[row] = m;
    reciprocal[row] = reciprocalDeviation;
    float k = (float)m, a = (float)reciprocalDeviation, t = (float)(-(m - (double)k) * reciprocalDeviation);
    long c = 0;
    for (; c + LANES <= channels; c += LANES) {
      vf v = (NAME(load)(p + c) - k) * a + t;
      NAME(put)(r + c, v * NAME(load)(gamma + c) + NAME(load)(beta + c), streams);
    }
    for (; c < channels; c++) r[c] = ((p[c] - k) * a + t) * gamma[c] + beta[c];
  }
}

// y = x^ * gamma + beta, x^ being a row of x brought to mean 0 and variance 1. Writes each row's mean and 1 / s.
void NAME(layer_normalize)(
    const float *x, float *y, long rows, long channels, const float *gamma, const float *beta, double epsilon,
    double *mean, double *reciprocal, bool streams) {
  if (streams) NAME(layers_apply)(x, y, rows, channels, gamma, beta, epsilon, mean, reciprocal, true);
  else NAME(layers_apply)(x, y, rows, channels, gamma, beta, epsilon, mean, reciprocal, false);
}

static inline __attribute__((always_inline)) void NAME(layers_gradient)(
    const float *g, const float *x, float *dx, long rows, long channels, const float *gamma, const double *mean,
    const double *reciprocal, double *gammaSums, double *betaSums, float *scratch, bool streams) {
  float *gammaPart = scratch, *betaPart = scratch + channels;
  for (long c = 0; c < channels; c++) gammaPart[c] = betaPart[c] = 0;
  for (long row = 0; row < rows; row++) {
    const float *p = x + row * channels, *gp = g + row * channels;
    float *r = dx + row * channels;
    float k = (float)mean[row], a = (float)reciprocal[row];
    float t = (float)(-(mean[row] - (double)k) * reciprocal[row]);
    vf s[2] = {{0}}, q[2] = {{0}};
    long c = 0;
    for (int j = 0; c + LANES <= channels; c += LANES, j ^= 1) {
      vf v = (NAME(load)(p + c) - k) * a + t, h = NAME(load)(gp + c);
      NAME(store)(gammaPart + c, NAME(load)(gammaPart + c) + h * v);
      NAME(store)(betaPart + c, NAME(load)(betaPart + c) + h);
      h *= NAME(load)(gamma + c);
      s[j] += h;
      q[j] += h * v;
    }
    double sum = NAME(sum_lanes)(s[0] + s[1]), product = NAME(sum_lanes)(q[0] + q[1]);
    for (; c < channels; c++) {
      float v = (p[c] - k) * a + t, h = gp[c];
      gammaPart[c] += h * v;
      betaPart[c] += h;
      h *= gamma[c];
      sum += h;
      product += h * v;
    }
    float meanSum = (float)(sum / (double)channels), meanProduct = (float)(product / (double)channels);
    for (c = 0; c + LANES <= channels; c += LANES) {
      vf v = (NAME(load)(p + c) - k) * a + t;
      vf h = NAME(load)(gp + c) * NAME(load)(gamma + c);
      NAME(put)(r + c, ((h - meanSum) - v * meanProduct) * a, streams);
    }
    for (; c < channels; c++) {
      float v = (p[c] - k) * a + t;
      r[c] = ((gp[c] * gamma[c] - meanSum) - v * meanProduct) * a;
    }
  }
  for (long c = 0; c < channels; c++) {
    gammaSums[c] += gammaPart[c];
    betaSums[c] += betaPart[c];
  }
}

// The gradients of up to NORMA_BLOCK rows' layer normalization. Adds to the sums for gamma and beta, whose floats
// `scratch` has room for: 2 * channels.
void NAME(layer_gradient)(
    const float *g, const float *x, float *dx, long rows, long channels, const float *gamma, const double *mean,
    const double *reciprocal, double *gammaSums, double *betaSums, float *scratch, bool streams) {
#define CALL(S) \
  NAME(layers_gradient)(g, x, dx, rows, channels, gamma, mean, reciprocal, gammaSums, betaSums, scratch, S)
  if (streams) CALL(true); else CALL(false);
#undef CALL
}
