// Coverage of C libraries, which libFuzzer has from the compiler for Rust only: GCC and Clang call
// `__sanitizer_cov_trace_pc` at each basic block with -fsanitize-coverage=trace-pc, and libFuzzer takes any bytes in
// this section for counters of what was reached. Its own function of that name only says that it wants another
// compiler; the linker puts this one in its place (--wrap).

#include <stdint.h>

// libjpeg-turbo's decompressor has about 6,000 basic blocks.
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t counters[1 << 14];

// What counts must not count that it does.
#ifdef __clang__
__attribute__((no_sanitize("coverage")))
#else
__attribute__((no_sanitize_coverage))
#endif
void __wrap___sanitizer_cov_trace_pc(void) {
  // From the start of the program, so that it is the same wherever that is loaded.
  uintptr_t block = (uintptr_t)__builtin_return_address(0) - (uintptr_t)&__wrap___sanitizer_cov_trace_pc;
  counters[(block ^ block >> 14) % sizeof counters]++;
}
