// One tile of a product.
// Part of product.h, which includes it once for each width of vector: VECTOR is its type, WIDTH its floats, and WIDE(x) gives the
// names of that width.

// What follows the sums of a tile that has columns beyond the last.
static __attribute__((noinline)) void WIDE(finish_tile)(
    const VECTOR *sums, int rows, int panels, const NAME(product_part) *part) {
  for (int r = 0; r < rows; r++) {
    for (int p = 0; p < panels; p++) {
      float *c = part->c + r * part->stride + p * WIDTH;
      const long columns = part->columns - p * WIDTH < WIDTH ? part->columns - p * WIDTH : WIDTH;
      VECTOR v = sums[r * panels + p], other = {0};
      if (part->accumulates) {
        NAME(copy)((float *)&other, c, columns);
        v = other + v;
      }
      if (part->bias) {
        NAME(copy)((float *)&other, part->bias + p * WIDTH, columns);
        v += other;
      }
      if (part->rectifies) v = RECTIFIED(v);
      NAME(copy)(c, (const float *)&v, columns);
    }
  }
}

// `rows` by `panels` vectors of sums, all in registers: both are constants wherever this is inlined, so that every loop over them
// is unrolled.
static inline __attribute__((always_inline)) void WIDE(tile)(
    int rows, int panels, const NAME(product_part) *part, long rowStep) {
  VECTOR s[rows][panels];
  FOR(r, rows) FOR(p, panels) s[r][p] = (VECTOR){0};
  const float *b = part->b;
  const long innerStep = part->innerStep, panelStep = part->panelStep, termStep = part->termStep;
  // Rows in threes: an address may hold a register once or twice, but not three times.
  const float *a[(ROWS + 2) / 3];
  FOR(i, (rows + 2) / 3) a[i] = part->a + 3 * i * rowStep;
  for (long k = part->terms; k > 0; k--) {
    VECTOR w[panels];
    FOR(p, panels) w[p] = *(const VECTOR *)(b + p * panelStep);
    FOR(r, rows) {
      const VECTOR x = SPLAT(VECTOR, a[r / 3][r % 3 * rowStep]);
      FOR(p, panels) s[r][p] = MULTIPLY_ADD(x, w[p], s[r][p]);
    }
    FOR(i, (rows + 2) / 3) a[i] += innerStep;
    b += termStep;
  }
  float *c = part->c;
  const long stride = part->stride;
  if (part->columns < panels * WIDTH) {
    VECTOR sums[rows * panels];
    FOR(r, rows) FOR(p, panels) sums[r * panels + p] = s[r][p];
    return WIDE(finish_tile)(sums, rows, panels, part);
  }
  if (part->accumulates) FOR(r, rows) FOR(p, panels) s[r][p] = *(VECTOR *)(c + r * stride + p * WIDTH) + s[r][p];
  if (part->bias) FOR(r, rows) FOR(p, panels) s[r][p] += *(const VECTOR *)(part->bias + p * WIDTH);
  if (part->rectifies) FOR(r, rows) FOR(p, panels) s[r][p] = RECTIFIED(s[r][p]);
  FOR(r, rows) FOR(p, panels) *(VECTOR *)(c + r * stride + p * WIDTH) = s[r][p];
}
