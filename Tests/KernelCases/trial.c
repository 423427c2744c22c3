#include "trial.h"

#include <stdlib.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

// Bytes before and behind each buffer that no kernel may write.
enum { MARGIN = 128 };

// FNV-1a, a word at a time (Fowler, Noll and Vo).
static void add_word(norma_trial *trial, uint64_t word) { trial->hash = (trial->hash ^ word) * 0x100000001b3; }

static void add_bytes(norma_trial *trial, const unsigned char *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) add_word(trial, bytes[i]);
}

norma_trial norma_begin(const norma_kernels *kernels, const char *name, enum norma_group group) {
  norma_trial trial = {.kernels = kernels, .group = group, .hash = 0xcbf29ce484222325};
  add_bytes(&trial, (const unsigned char *)name, strlen(name));
  trial.state = trial.hash + group;
  return trial;
}

// SplitMix64 (Steele, Lea and Flood, 2014).
static uint64_t draw(norma_trial *trial) {
  uint64_t z = trial->state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

long norma_below(norma_trial *trial, long count) { return (long)(draw(trial) % (uint64_t)count); }

static double from_bits(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static double power_of_two(int exponent) { return from_bits((uint64_t)(exponent + 1023) << 52); }

// ±1.m · 2^e for e from -6 to 2, or a zero of either sign.
static double ordinary(norma_trial *trial) {
  const uint64_t bits = draw(trial), sign = bits & (uint64_t)1 << 63, choice = bits & 15;
  if (choice == 0) return from_bits(sign);
  const uint64_t exponent = 1023 - 6 + draw(trial) % 9;
  return from_bits(sign | exponent << 52 | (bits >> 8 & ((uint64_t)1 << 52) - 1));
}

// How the numbers of one buffer are made.
typedef struct {
  double scale;
  bool holdsSpecial;
} recipe;

static recipe choose(norma_trial *trial) {
  const uint64_t bits = draw(trial);
  recipe result = {1, false};
  if (trial->group == NORMA_EXTREME) result.scale = power_of_two((int)(bits % 270) - 145);
  if (trial->group == NORMA_SPECIAL) result.holdsSpecial = bits & 1;
  return result;
}

static const float specials[] = {
    __builtin_inff(), -__builtin_inff(), __builtin_nanf(""), __FLT_MAX__, -__FLT_MAX__, __FLT_MIN__, -__FLT_MIN__,
    __FLT_DENORM_MIN__, -__FLT_DENORM_MIN__, 0.0f, -0.0f,
};

static double number(norma_trial *trial, recipe recipe) {
  const double value = ordinary(trial) * recipe.scale;
  if (recipe.holdsSpecial && draw(trial) % 64 == 0) {
    return specials[draw(trial) % (sizeof specials / sizeof *specials)];
  }
  return value;
}

static void *buffer(norma_trial *trial, long count, size_t width, enum norma_content content) {
  if (trial->bufferCount == NORMA_MOST_BUFFERS) abort();
  const size_t size = (size_t)count * width;
  // Some numbers behind the begin of a cache line, so that kernels meet every alignment.
  const size_t start = MARGIN + (size_t)norma_below(trial, 16) * width;
  unsigned char *memory = aligned_alloc(64, (start + size + MARGIN + 63) / 64 * 64);
  if (!memory) abort();
  memset(memory, 0xa5, start + size + MARGIN);
  const int place = trial->bufferCount++;
  trial->buffers[place].memory = memory;
  trial->buffers[place].start = memory + start;
  trial->buffers[place].size = size;
  trial->buffers[place].content = content;
  return memory + start;
}

float *norma_floats(norma_trial *trial, long count) {
  const recipe recipe = choose(trial);
  float *result = buffer(trial, count, sizeof(float), NORMA_FLOATS);
  for (long i = 0; i < count; i++) result[i] = (float)number(trial, recipe);
  return result;
}

double *norma_doubles(norma_trial *trial, long count) {
  const recipe recipe = choose(trial);
  double *result = buffer(trial, count, sizeof(double), NORMA_DOUBLES);
  for (long i = 0; i < count; i++) result[i] = number(trial, recipe);
  return result;
}

float *norma_magnitudes(norma_trial *trial, long count) {
  float *result = norma_floats(trial, count);
  for (long i = 0; i < count; i++) result[i] = __builtin_fabsf(result[i]);
  return result;
}

double *norma_double_magnitudes(norma_trial *trial, long count) {
  double *result = norma_doubles(trial, count);
  for (long i = 0; i < count; i++) result[i] = __builtin_fabs(result[i]);
  return result;
}

unsigned short *norma_halves(norma_trial *trial, long count, unsigned short infinity) {
  unsigned short *result = buffer(trial, count, sizeof(unsigned short), NORMA_HALVES);
  trial->buffers[trial->bufferCount - 1].infinity = infinity;
  for (long i = 0; i < count; i++) result[i] = (unsigned short)draw(trial);
  return result;
}

int *norma_places(norma_trial *trial, long count, long first, long step) {
  int *result = buffer(trial, count, sizeof(int), NORMA_INTEGERS);
  for (long i = 0; i < count; i++) result[i] = (int)(first + i * step);
  return result;
}

float *norma_scratch(norma_trial *trial, long count) { return buffer(trial, count, sizeof(float), NORMA_SCRATCH); }

static void add_contents(
    norma_trial *trial, const void *start, size_t size, enum norma_content content, unsigned short infinity) {
  if (content == NORMA_HALVES) {
    for (size_t i = 0; i < size / sizeof(uint16_t); i++) {
      const uint16_t bits = ((const uint16_t *)start)[i];
      add_word(trial, (bits & 0x7fff) <= infinity ? bits : 0x7fff);
    }
  } else if (content == NORMA_DOUBLES) {
    for (size_t i = 0; i < size / sizeof(double); i++) {
      uint64_t bits;
      memcpy(&bits, (const double *)start + i, sizeof bits);
      const bool isNumber = (bits & 0x7fffffffffffffff) <= 0x7ff0000000000000;
      add_word(trial, isNumber ? bits : 0x7ff8000000000000);
    }
  } else {
    for (size_t i = 0; i < size / sizeof(uint32_t); i++) {
      uint32_t bits;
      memcpy(&bits, (const uint32_t *)start + i, sizeof bits);
      const bool isNumber = content == NORMA_INTEGERS || (bits & 0x7fffffff) <= 0x7f800000;
      add_word(trial, isNumber ? bits : 0x7fc00000);
    }
  }
}

void norma_note(norma_trial *trial, long value) { add_word(trial, (uint64_t)value); }

void norma_end(norma_trial *trial) {
  for (int i = 0; i < trial->bufferCount; i++) {
    const unsigned char *start = trial->buffers[i].start;
    const size_t size = trial->buffers[i].size;
    add_bytes(trial, start - MARGIN, MARGIN);
    if (trial->buffers[i].content != NORMA_SCRATCH) {
      add_contents(trial, start, size, trial->buffers[i].content, trial->buffers[i].infinity);
    }
    add_bytes(trial, start + size, MARGIN);
    free(trial->buffers[i].memory);
  }
  trial->bufferCount = 0;
  trial->cases++;
}
