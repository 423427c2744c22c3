#include "CKernels.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

#ifdef SANITIZED
#include <sanitizer/asan_interface.h>

void norma_forbid(const void *memory, long size) { __asan_poison_memory_region(memory, size); }
void norma_allow(const void *memory, long size) { __asan_unpoison_memory_region(memory, size); }
#else
void norma_forbid(const void *memory, long size) {}
void norma_allow(const void *memory, long size) {}
#endif
