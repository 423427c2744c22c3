// What cases are made with: numbers by chance, memory that is watched, and the hash of what was left in it.
#ifndef NORMA_TRIAL_H
#define NORMA_TRIAL_H

#include "CKernels.h"
#include <stddef.h>
#include <stdint.h>

// The numbers of a case: of magnitudes around 1; of any one magnitude a buffer, tiny to huge; or around 1 with a few that are
// infinite, not a number, or at the ends of the range.
enum norma_group { NORMA_ORDINARY, NORMA_EXTREME, NORMA_SPECIAL, NORMA_GROUPS };

enum norma_content { NORMA_FLOATS, NORMA_DOUBLES, NORMA_INTEGERS, NORMA_HALVES, NORMA_SCRATCH };

enum { NORMA_MOST_BUFFERS = 24 };

typedef struct norma_trial {
  const norma_kernels *kernels;
  enum norma_group group;
  uint64_t state, hash;
  long cases;
  int bufferCount;
  struct {
    void *memory, *start;
    size_t size;
    enum norma_content content;
    unsigned short infinity;
  } buffers[NORMA_MOST_BUFFERS];
} norma_trial;

// A trial whose numbers follow from the kernel's name and the group.
norma_trial norma_begin(const norma_kernels *kernels, const char *name, enum norma_group group);

// A whole number from 0 to below `count`.
long norma_below(norma_trial *trial, long count);

// Memory that holds numbers of the trial's group, at the alignment of one of them and no more.
float *norma_floats(norma_trial *trial, long count);
double *norma_doubles(norma_trial *trial, long count);
// The same without signs.
float *norma_magnitudes(norma_trial *trial, long count);
double *norma_double_magnitudes(norma_trial *trial, long count);
// Numbers of half width, with any bits. What is beyond infinity, whose bits are given, is not a number: which one does not matter.
unsigned short *norma_halves(norma_trial *trial, long count, unsigned short infinity);
// first, first + step, first + 2 step …
int *norma_places(norma_trial *trial, long count, long first, long step);
// Memory whose contents no case looks at.
float *norma_scratch(norma_trial *trial, long count);

// Adds a number that a kernel returned to the hash.
void norma_note(norma_trial *trial, long value);
// Ends a case: its memory goes into the hash and is given back.
void norma_end(norma_trial *trial);

#endif
