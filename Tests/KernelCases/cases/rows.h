// The cases of CKernels/loops/rows.h.

static void cases_of_row_moments(norma_trial *t) {
  EACH_ROW_SHAPE(shape) EACH_STRIDE(stride, shape->width) {
    const float *x = norma_floats(t, shape->rows * stride);
    float *base = norma_floats(t, shape->width);
    double *sums = norma_doubles(t, shape->width), *squares = norma_doubles(t, shape->width);
    float *scratch = norma_scratch(t, 3 * shape->width);
    t->kernels->row_moments(x, stride, shape->rows, shape->width, base, sums, squares, scratch);
    norma_end(t);
  }
}

static void cases_of_row_block_moments(norma_trial *t) {
  EACH_ROW_SHAPE(shape) EACH_STRIDE(stride, shape->width) EACH_FLAG(begins) {
    const long rows = shape->rows < NORMA_BLOCK ? shape->rows : NORMA_BLOCK;
    const float *x = norma_floats(t, rows * stride);
    float *pivot = norma_floats(t, shape->width), *sum = norma_floats(t, shape->width);
    float *square = norma_floats(t, shape->width);
    t->kernels->row_block_moments(x, stride, rows, shape->width, begins, pivot, sum, square);
    norma_end(t);
  }
}

static void cases_of_row_normalize(norma_trial *t) {
  EACH_ROW_SHAPE(shape) EACH_STRIDE(stride, shape->width) EACH_FLAG(rectifies) EACH_FLAG(streams) {
    const float *x = norma_floats(t, shape->rows * stride);
    float *y = norma_floats(t, shape->rows * stride);
    const transform f = transforms(t, shape->width);
    t->kernels->row_normalize(
        x, y, stride, shape->rows, shape->width, f.pivot, f.scale, f.shift, rectifies, streams);
    norma_end(t);
  }
}

static void cases_of_row_gradient_sums(norma_trial *t) {
  EACH_ROW_SHAPE(shape) EACH_STRIDE(stride, shape->width) EACH_FLAG(rectifies) {
    const float *g = norma_floats(t, shape->rows * stride), *x = norma_floats(t, shape->rows * stride);
    const transform f = transforms(t, shape->width);
    double *sums = norma_doubles(t, shape->width), *products = norma_doubles(t, shape->width);
    float *scratch = norma_scratch(t, 2 * shape->width);
    t->kernels->row_gradient_sums(
        g, x, stride, shape->rows, shape->width, f.pivot, f.scale, f.shift, rectifies, sums, products, scratch);
    norma_end(t);
  }
}

static void cases_of_row_block_gradient_sums(norma_trial *t) {
  EACH_ROW_SHAPE(shape) EACH_STRIDE(stride, shape->width) EACH_FLAG(rectifies) EACH_FLAG(begins) {
    const long rows = shape->rows < NORMA_BLOCK ? shape->rows : NORMA_BLOCK;
    const float *g = norma_floats(t, rows * stride), *x = norma_floats(t, rows * stride);
    const transform f = transforms(t, shape->width);
    float *sum = norma_floats(t, shape->width), *product = norma_floats(t, shape->width);
    t->kernels->row_block_gradient_sums(
        g, x, stride, rows, shape->width, f.pivot, f.scale, f.shift, rectifies, begins, sum, product);
    norma_end(t);
  }
}

static void cases_of_row_input_gradient(norma_trial *t) {
  EACH_ROW_SHAPE(shape) EACH_STRIDE(stride, shape->width) EACH_FLAG(rectifies) EACH_FLAG(streams) {
    const float *g = norma_floats(t, shape->rows * stride), *x = norma_floats(t, shape->rows * stride);
    float *dx = norma_floats(t, shape->rows * stride);
    const transform f = transforms(t, shape->width);
    const float *slope = norma_floats(t, shape->width), *offset = norma_floats(t, shape->width);
    t->kernels->row_input_gradient(
        g, x, dx, stride, shape->rows, shape->width, f.pivot, f.scale, f.shift, slope, offset, rectifies, streams);
    norma_end(t);
  }
}
