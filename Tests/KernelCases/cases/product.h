// The cases of CKernels/loops/product.h.

// Blocks of terms of a product: tiles of every height and width, and their rests.
#define EACH_BLOCK(rows, terms, columns) \
  EACH(rows, 1, 2, 3, 4, 5, 6, 7, 9, 11, 12, 13, 25, 31) EACH(terms, 0, 1, 7, 64, 256) \
    EACH(columns, 1, 5, 8, 9, 16, 17, 24, 32, 40, 56, 64, 72, 100, 128, 136)

static long whole_vectors(long columns) { return (columns + 15) / 16 * 16; }

static void cases_of_product(norma_trial *t) {
  EACH_BLOCK(rows, terms, columns) {
    const long flags = norma_below(t, 64), stride = columns + (flags & 1 ? 3 : 0);
    const bool isTransposed = flags & 2, isPacked = flags & 4;
    // Rows some pages apart are another path.
    const long distance = (flags & 56) == 0 ? 1024 : terms + 1;
    const float *a = norma_floats(t, isTransposed ? rows * terms : (rows - 1) * distance + terms);
    const long width = whole_vectors(columns);
    const float *b = norma_floats(t, width * terms);
    float *c = norma_floats(t, rows * stride);
    const float *bias = flags & 8 ? norma_floats(t, columns) : NULL;
    t->kernels->product(
        a, isTransposed ? 1 : distance, isTransposed ? rows : 1, b, isPacked ? 16 * terms : 16, isPacked ? 16 : width, c,
        stride, rows, terms, columns, flags & 16, bias, flags & 32);
    norma_end(t);
  }
}

static void cases_of_product_of_columns(norma_trial *t) {
  EACH(rows, 1, 2, 3, 4) EACH(terms, 0, 1, 7, 8, 20, 256, 257, 512, 1029) EACH(columns, 1, 8, 10, 16, 24, 40, 71) {
    // A stride of a page, and others.
    const long stride = terms == 1029 && columns == 71 ? 2048 : terms + 1;
    const float *a = norma_floats(t, rows * (terms + 2)), *b = norma_floats(t, columns * stride);
    float *c = norma_floats(t, rows * (columns + 3));
    t->kernels->product_of_columns(a, terms + 2, b, stride, c, columns + 3, rows, terms, columns);
    norma_end(t);
  }
}

#define EACH_MATRIX(rows, columns) EACH(rows, 1, 5, 8, 13, 16, 33) EACH(columns, 1, 7, 8, 12, 16, 17, 31, 40)

static void cases_of_write_transposed(norma_trial *t) {
  EACH_MATRIX(rows, columns) EACH_FLAG(hasBias) EACH_FLAG(rectifies) {
    const float *from = norma_floats(t, columns * (rows + 1));
    float *to = norma_floats(t, rows * (columns + 2));
    const float *bias = hasBias ? norma_floats(t, columns) : NULL;
    t->kernels->write_transposed(from, rows + 1, to, columns + 2, rows, columns, bias, rectifies);
    norma_end(t);
  }
}

static void cases_of_pack_rows(norma_trial *t) {
  EACH_MATRIX(terms, columns) {
    const float *from = norma_floats(t, terms * (columns + 1));
    t->kernels->pack_rows(from, columns + 1, terms, columns, norma_floats(t, terms * whole_vectors(columns)));
    norma_end(t);
  }
}

static void cases_of_pack_columns(norma_trial *t) {
  EACH_MATRIX(terms, columns) {
    const float *from = norma_floats(t, columns * (terms + 1));
    t->kernels->pack_columns(from, terms + 1, terms, columns, norma_floats(t, terms * whole_vectors(columns)));
    norma_end(t);
  }
}
