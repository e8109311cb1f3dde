// Watches what emulated threads do with memory, in a library of its own: every access that two threads make with nothing between them that orders
// it, reads of shared memory that nobody has written, and how many pieces of 32 bytes and of shared memory's banks a warp's accesses come to. The
// compiler calls watch.cpp before each access of a kernel (-fsanitize=thread, without its runtime).
#pragma once

#include <cstddef>
#include <cstdint>

// Of functions that are the device and not the kernel.
#define UNWATCHED __attribute__((no_sanitize_thread))

namespace tallrec {

// MATRIX_ROW: 16 bytes that ldmatrix hands to all lanes; ARRIVAL: a write that was counted when it was asked for.
enum class Access { READ, WRITE, MATRIX_ROW, ARRIVAL };

// Where the running thread of the block is: barriers that it has passed, those of __syncwarp apart.
struct Clock {
  unsigned thread;
  uint32_t block_barriers, warp_barriers;
};
Clock clock();

bool is_own_stack(const void* address);

#ifdef TALLREC_WATCH
constexpr bool IS_WATCHED = true;
void watch_launch(const char* kernel);
void watch_block(uint64_t block);
void watch_block_end();
void watch(Access access, const void* address, size_t size, const void* code);
#else
constexpr bool IS_WATCHED = false;
inline void watch_launch(const char*) {}
inline void watch_block(uint64_t) {}
inline void watch_block_end() {}
inline void watch(Access, const void*, size_t, const void*) {}
#endif

}  // namespace tallrec
