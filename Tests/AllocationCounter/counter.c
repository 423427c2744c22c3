#include "AllocationCounter.h"

// Also says which C library this is.
#include <stdlib.h>

static _Thread_local long calls, largest;

void allocation_counter_start(void) {
  calls = 0;
  largest = 0;
}

long allocation_counter_calls(void) { return calls; }

long allocation_counter_largest(void) { return largest; }

// The sanitizers have an allocator of their own, which no other may stand before.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

#if defined(__GLIBC__) && !defined(SANITIZED)

bool allocation_counter_works(void) { return true; }

static void count(size_t size) {
  calls++;
  if ((long)size > largest) largest = (long)size;
}

// The executable's functions of these names stand before the C library's for the whole process.
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) {
  count(size);
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  count(number * size);
  return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size) {
  count(size);
  return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
  count(size);
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
  *memory = memalign(alignment, size);
  return *memory ? 0 : 12;  // ENOMEM
}

#else

bool allocation_counter_works(void) { return false; }

#endif
