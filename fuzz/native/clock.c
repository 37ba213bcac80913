// Time that this process computed for, whoever else has the processor: on a busy machine a run may well wait a second.

#include <time.h>

double imagejob_fuzz_seconds(void) {
  struct timespec spent;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}
