// Counts what the process holds of the heap, whoever asks for it: Rust, and the C libraries under it, which a
// global allocator of Rust's would not see. Stands before glibc's malloc and friends; Linux with glibc only.

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

// Bytes now, the most since `imagejob_fuzz_begin`, and the most of any run, without what was there before it.
static atomic_long held, most;
static long before, record;

static void *taken(void *block) {
  if (block) {
    long now = atomic_fetch_add(&held, malloc_usable_size(block)) + (long)malloc_usable_size(block);
    long seen = atomic_load(&most);
    while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now)) {
    }
  }
  return block;
}

static void given_back(void *block) {
  if (block) atomic_fetch_sub(&held, malloc_usable_size(block));
}

void *malloc(size_t size) { return taken(__libc_malloc(size)); }

void *calloc(size_t count, size_t size) { return taken(__libc_calloc(count, size)); }

void *memalign(size_t alignment, size_t size) { return taken(__libc_memalign(alignment, size)); }

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
  *block = memalign(alignment, size);
  return *block ? 0 : ENOMEM;
}

void *realloc(void *block, size_t size) {
  long old = block ? (long)malloc_usable_size(block) : 0;
  void *moved = __libc_realloc(block, size);
  if (moved || size == 0) {
    // While bytes are moved there may be both; only a block that stays where it is takes no more.
    if (moved && moved != block) taken(moved), atomic_fetch_sub(&held, old);
    else atomic_fetch_sub(&held, old), taken(moved);
  }
  return moved;
}

void free(void *block) {
  given_back(block);
  __libc_free(block);
}

void imagejob_fuzz_begin(void) {
  before = atomic_load(&held);
  atomic_store(&most, before);
}

// The most that was held since `imagejob_fuzz_begin`, bytes.
size_t imagejob_fuzz_end(void) {
  long peak = atomic_load(&most) - before;
  if (peak > record) record = peak;
  return (size_t)peak;
}

__attribute__((destructor)) static void tell(void) { fprintf(stderr, "stat::peak_allocation_bytes: %ld\n", record); }
