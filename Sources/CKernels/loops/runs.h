// The sums of one run of values that stand side by side.
// Part of kernels_body.h, which includes it for each type of what is read: see stored.h.

// The pivot of one block of values: the mean of the first eight, as a tree, so that eight equal values give that value exactly.
static inline __attribute__((always_inline)) float OF(plane_pivot)(const STORED *p, long n) {
#define AT(i) VALUE(p[i])
  return n < 8 ? AT(0) : (((AT(0) + AT(1)) + (AT(2) + AT(3))) + ((AT(4) + AT(5)) + (AT(6) + AT(7)))) * 0.125f;
#undef AT
}

// Sums of x - pivot and of its square over one block of at least LANES values, lane by lane.
static inline __attribute__((always_inline)) void OF(plane_lanes)(
    const STORED *p, long n, float pivot, vf *sum, vf *square) {
  vf k = NAME(splat)(pivot);
  vf s[4] = {{0}}, q[4] = {{0}};
  long i = 0;
  for (; i + 4 * LANES <= n; i += 4 * LANES) {
    for (int j = 0; j < 4; j++) {
      vf d = TAKE(p + i + j * LANES) - k;
      s[j] += d;
      q[j] += d * d;
    }
  }
  for (int j = 0; j < 3 && i + LANES <= n; i += LANES, j++) {
    vf d = TAKE(p + i) - k;
    s[j] += d;
    q[j] += d * d;
  }
  if (i < n) {
    vf d = NAME(keep_last)(TAKE(p + n - LANES) - k, n - i);
    s[3] += d;
    q[3] += d * d;
  }
  *sum = (s[0] + s[1]) + (s[2] + s[3]);
  *square = (q[0] + q[1]) + (q[2] + q[3]);
}

// Adds the sums of x - base and of its square over one run of values. `base` is the pivot of the first block if
// `isFirst`, and read otherwise.
static inline __attribute__((always_inline)) void OF(run_moments)(
    const STORED *x, long count, bool isFirst, float *base, double *sum, double *square) {
  for (long start = 0; start < count; start += NORMA_PLANE_BLOCK) {
    const STORED *p = x + start;
    long n = count - start < NORMA_PLANE_BLOCK ? count - start : NORMA_PLANE_BLOCK;
    float pivot = OF(plane_pivot)(p, n);
    double blockSum = 0, blockSquare = 0;
    if (n >= LANES) {
      vf s, q;
      OF(plane_lanes)(p, n, pivot, &s, &q);
      blockSum = NAME(sum_lanes)(s);
      blockSquare = NAME(sum_lanes)(q);
    } else {
      for (long i = 0; i < n; i++) {
        float d = VALUE(p[i]) - pivot;
        blockSum += d;
        blockSquare += d * d;
      }
    }
    if (isFirst && start == 0) *base = pivot;
    NAME(add_around)(pivot, blockSum, blockSquare, (double)n, *base, sum, square);
  }
}

// The sum of the squares of one row's values, in the order in which run_moments sums.
static inline double OF(run_squares)(const STORED *x, long count) {
  double total = 0;
  for (long start = 0; start < count; start += NORMA_PLANE_BLOCK) {
    const STORED *p = x + start;
    const long n = count - start < NORMA_PLANE_BLOCK ? count - start : NORMA_PLANE_BLOCK;
    vf q[4] = {{0}};
    double sum = 0;
    long i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
      for (int j = 0; j < 4; j++) {
        vf v = TAKE(p + i + j * LANES);
        q[j] += v * v;
      }
    }
    for (int j = 0; j < 3 && i + LANES <= n; i += LANES, j++) {
      vf v = TAKE(p + i);
      q[j] += v * v;
    }
    if (n >= LANES) sum = NAME(sum_lanes)((q[0] + q[1]) + (q[2] + q[3]));
    for (; i < n; i++) sum += VALUE(p[i]) * VALUE(p[i]);
    total += sum;
  }
  return total;
}
