// Hot loops that Swift cannot express, and nothing else: no allocation, no policy, no threads, no errors.
#ifndef NORMA_CKERNELS_H
#define NORMA_CKERNELS_H

// Tells the processor that the caller is spinning.
static inline void norma_spin_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

#endif
