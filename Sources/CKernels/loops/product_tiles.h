// The tiles of a product, rows by panels: those whose sums fit into the registers. product.h includes this list.
#if ROWS == 12
TILE(12, 2) TILE(11, 2) TILE(10, 2) TILE(9, 2) TILE(8, 2) TILE(7, 2) TILE(6, 2) TILE(5, 2) TILE(4, 2)
TILE(12, 1) TILE(11, 1) TILE(10, 1) TILE(9, 1) TILE(8, 1) TILE(7, 1)
TILE(6, 4) TILE(5, 4) TILE(4, 4) TILE(3, 4) TILE(2, 4)
TILE(3, 8) TILE(2, 8) TILE(1, 8)
HALF_TILE(12) HALF_TILE(11) HALF_TILE(10) HALF_TILE(9) HALF_TILE(8) HALF_TILE(7)
#endif
#if ROWS >= 6
TILE(1, 4) TILE(3, 2)
TILE(6, 1) TILE(5, 1) TILE(4, 1) TILE(3, 1)
HALF_TILE(6) HALF_TILE(5) HALF_TILE(4) HALF_TILE(3)
#endif
TILE(2, 2) TILE(1, 2) TILE(2, 1) TILE(1, 1)
HALF_TILE(2) HALF_TILE(1)
