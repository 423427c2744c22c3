// Element by element.
// Part of kernels_body.h, which see.

// One step of SGD with momentum, see OptimizerRule.
void NAME(momentum)(
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

// One step of Adam, see OptimizerRule.
void NAME(adam)(
    float *restrict w, const float *restrict g, float *restrict first, float *restrict second, long count, float beta1,
    float rest1, float beta2, float rest2, float rate, float rootScale, float epsilon, float shrink) {
  long i = 0;
  for (; i + LANES <= count; i += LANES) {
    vf v = NAME(load)(g + i);
    vf m = beta1 * NAME(load)(first + i) + rest1 * v;
    vf s = beta2 * NAME(load)(second + i) + rest2 * v * v;
    NAME(store)(first + i, m);
    NAME(store)(second + i, s);
    NAME(store)(w + i, shrink * NAME(load)(w + i) - rate * m / (__builtin_elementwise_sqrt(s) * rootScale + epsilon));
  }
  for (; i < count; i++) {
    first[i] = beta1 * first[i] + rest1 * g[i];
    second[i] = beta2 * second[i] + rest2 * g[i] * g[i];
    w[i] = shrink * w[i] - rate * first[i] / (__builtin_elementwise_sqrt(second[i]) * rootScale + epsilon);
  }
}

// One step of RMSProp, see OptimizerRule.
void NAME(rmsprop)(
    float *restrict w, const float *restrict g, float *restrict square, long count, float rate, float decay, float rest,
    float epsilon) {
  long i = 0;
  for (; i + LANES <= count; i += LANES) {
    vf v = NAME(load)(g + i);
    vf s = decay * NAME(load)(square + i) + rest * v * v;
    NAME(store)(square + i, s);
    NAME(store)(w + i, NAME(load)(w + i) - rate * v / (__builtin_elementwise_sqrt(s) + epsilon));
  }
  for (; i < count; i++) {
    square[i] = decay * square[i] + rest * g[i] * g[i];
    w[i] -= rate * g[i] / (__builtin_elementwise_sqrt(square[i]) + epsilon);
  }
}
