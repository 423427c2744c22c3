// What cases are gone through by. Part of cases.c, as are the files that follow.

// A loop over a list of whole numbers.
#define EACH(name, ...)                                                                              \
  for (long name##_list[] = {__VA_ARGS__}, name##_place = 0, name = 0;                               \
       name##_place < (long)(sizeof name##_list / sizeof *name##_list) && (name = name##_list[name##_place], true); \
       name##_place++)
#define EACH_FLAG(name) for (int name = 0; name < 2; name++)

// What normalizes a channel.
typedef struct {
  float *pivot, *scale, *shift;
} transform;

static transform transforms(norma_trial *t, long width) {
  float *pivot = norma_floats(t, width), *scale = norma_floats(t, width);
  return (transform){pivot, scale, norma_floats(t, width)};
}

// Rows by channels: narrow and wide, whole vectors and not, blocks of rows and their rest, and beyond the size from which rows are
// gone through by strips.
typedef struct {
  long rows, width;
} row_shape;

static const row_shape row_shapes[] = {
    {1, 16}, {2, 17}, {3, 31}, {4, 32}, {5, 33}, {7, 48}, {8, 63}, {9, 64}, {11, 65}, {63, 80}, {64, 100},
    {65, 19}, {130, 130}, {200, 47}, {6, 511}, {7, 512}, {9, 520}, {70, 513}, {1100, 33}, {700, 65}, {300, 130},
};
#define EACH_ROW_SHAPE(shape)                                                                 \
  for (const row_shape *shape = row_shapes; shape < row_shapes + sizeof row_shapes / sizeof *row_shapes; shape++)

// Strides as long as a row and longer.
#define EACH_STRIDE(name, width) EACH(name, width, width + 5)

// Numbers for each channel: fewer than a vector, whole ones, and a rest.
#define EACH_WIDTH(name) EACH(name, 1, 3, 7, 8, 9, 15, 16, 17, 24, 31, 32, 40, 64, 65, 100, 257)
