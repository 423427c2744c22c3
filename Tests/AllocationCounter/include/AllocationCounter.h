// Counts the memory that a test asks for, on its own thread: tests beside it do not count.
#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

#include <stdbool.h>

// Whether allocations are counted on this platform.
bool allocation_counter_works(void);

// Counts from 0 on: calls, and bytes of the largest one.
void allocation_counter_start(void);
long allocation_counter_calls(void);
long allocation_counter_largest(void);

#endif
