#pragma once

/// How often the process has asked for heap memory; -1 where that is not counted, which is everywhere but with glibc.
long norma_allocation_count(void);
