// Lets g++ compile the kernels and run them on a CPU, for tests on machines without a GPU: thread blocks as fibers, barriers, warp shuffles, half
// types, and the tensor-core product as a function of a warp.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "watch.h"

#define __global__
#define __device__
#define __shared__ static thread_local
#define __launch_bounds__(threads)
#define REGISTER_KERNEL(name) static tallrec::Registration registration_of_##name(#name, tallrec::kernel(name));

struct Dim3 {
  unsigned x, y, z;
};

extern thread_local Dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace tallrec {

using Launcher = std::function<void(void**)>;

struct Kernel {
  Launcher launch;
  std::vector<int> parameter_sizes;
};

// Makes the kernel known under its name.
struct Registration {
  Registration(const char* name, Kernel kernel);
};

template <class... A, size_t... I>
Launcher launcher(void (*kernel)(A...), std::index_sequence<I...>) {
  return [kernel](void** arguments) UNWATCHED { kernel(*static_cast<std::remove_reference_t<A>*>(arguments[I])...); };
}

template <class... A> Kernel kernel(void (*function)(A...)) { return {launcher(function, std::index_sequence_for<A...>()), {(int)sizeof(A)...}}; }

void block_barrier();
// Of __syncwarp, which orders what the lanes do with memory, and of instructions of a warp, which only wait for all lanes.
void warp_barrier();
void warp_meeting();

// 32 lanes' room to show each other values: two halves in turn, so that nobody overwrites what another has not read yet.
struct Exchange {
  alignas(16) char bytes[32][48];
};
Exchange& next_exchange();

// What a device would trap on: no thread of the block goes on, and the launch fails.
[[noreturn]] void trap(const char* message);

// Blocks that this thread of the operating system has begun.
uint64_t blocks_begun();

// A copy that this thread has asked for and not waited for.
struct Copy {
  void* target;
  const void* source;
  size_t from_source, size;
  const void* code;
};
void add_copy(const Copy& copy);
void finish_copies();

}  // namespace tallrec

inline void __syncthreads() { tallrec::block_barrier(); }
inline void __syncwarp() { tallrec::warp_barrier(); }

UNWATCHED inline float __shfl_xor_sync(unsigned, float value, int mask) {
  tallrec::Exchange& exchange = tallrec::next_exchange();
  unsigned lane = threadIdx.x % 32;
  memcpy(exchange.bytes[lane], &value, 4);
  tallrec::warp_meeting();
  float other;
  memcpy(&other, exchange.bytes[lane ^ mask], 4);
  return other;
}

// Fails unless all 32 lanes vote: words that a shuffle or a product would not show say who does.
UNWATCHED inline unsigned __ballot_sync(unsigned members, bool vote) {
  if (members != 0xFFFFFFFF) tallrec::trap("a vote of less than a warp");
  constexpr uint32_t MARK = 0x7FB0B0B0;
  tallrec::Exchange& exchange = tallrec::next_exchange();
  uint32_t mine = MARK | vote;
  memcpy(exchange.bytes[threadIdx.x % 32], &mine, sizeof mine);
  tallrec::warp_meeting();
  unsigned all = 0;
  for (unsigned lane = 0; lane < 32; lane++) {
    uint32_t shown;
    memcpy(&shown, exchange.bytes[lane], sizeof shown);
    if ((shown & ~1u) != MARK) tallrec::trap("not all lanes of a warp vote");
    all |= (shown & 1) << lane;
  }
  tallrec::warp_meeting();
  // Nobody is taken to vote because of an earlier vote.
  memset(exchange.bytes[threadIdx.x % 32], 0, sizeof mine);
  return all;
}

// The lowest bit that is set, counted from 1; 0 if there is none.
inline int __ffs(int bits) { return __builtin_ffs(bits); }

struct half_t {
  uint16_t bits;
};
struct bf16_t {
  uint16_t bits;
};

inline float to_float(float x) { return x; }
inline float to_float(half_t x) {
  _Float16 value;
  memcpy(&value, &x.bits, 2);
  return (float)value;
}
inline float to_float(bf16_t x) {
  uint32_t bits = (uint32_t)x.bits << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

template <class T> inline T from_float(float x);
template <> inline float from_float<float>(float x) { return x; }
template <> inline half_t from_float<half_t>(float x) {
  _Float16 value = (_Float16)x;
  half_t result;
  memcpy(&result.bits, &value, 2);
  return result;
}
// To nearest, ties to even; NaN stays NaN.
template <> inline bf16_t from_float<bf16_t>(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  if (x != x) return {(uint16_t)(bits >> 16 | 0x40)};
  return {(uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)};
}

// The twins of the instructions in kernels/fragments.cuh, which says what they do.

template <class T> inline uint32_t pack(float low, float high) {
  return (uint32_t)from_float<T>(low).bits | (uint32_t)from_float<T>(high).bits << 16;
}

inline float exp2_approximate(float x) { return exp2f(x); }

template <bool TRANSPOSED> UNWATCHED inline void ldmatrix(uint32_t fragment[4], const void* row) {
  tallrec::watch(tallrec::Access::MATRIX_ROW, row, 16, __builtin_return_address(0));
  tallrec::Exchange& exchange = tallrec::next_exchange();
  unsigned lane = threadIdx.x % 32;
  if (reinterpret_cast<uintptr_t>(row) % 16 != 0) tallrec::trap("ldmatrix of a row that is not 16-byte aligned");
  memcpy(exchange.bytes[lane], &row, sizeof row);
  tallrec::warp_meeting();
  auto element = [&](int matrix, int i, int j) UNWATCHED {
    const uint16_t* elements;
    memcpy(&elements, exchange.bytes[8 * matrix + i], sizeof elements);
    return (uint32_t)elements[j];
  };
  int g = lane / 4, t = lane % 4;
  for (int m = 0; m < 4; m++) {
    fragment[m] = TRANSPOSED ? element(m, 2 * t, g) | element(m, 2 * t + 1, g) << 16
                             : element(m, g, 2 * t) | element(m, g, 2 * t + 1) << 16;
  }
}

// Every lane shows its fragments as floats, then sums up its own four elements.
template <class T> UNWATCHED inline void mma(float acc[4], const uint32_t a[4], const uint32_t b[2], T) {
  tallrec::Exchange& exchange = tallrec::next_exchange();
  unsigned lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  auto* shown = reinterpret_cast<float(*)[12]>(exchange.bytes);
  for (int i = 0; i < 12; i++) shown[lane][i] = to_float(T{(uint16_t)((i < 8 ? a[i / 2] : b[i / 2 - 4]) >> i % 2 * 16)});
  tallrec::warp_meeting();
  for (int k = 0; k < 16; k++) {
    // Column k of A is in lanes 4 row + k % 8 / 2, in register (k / 8) * 2 for rows 0-7, the next one for rows 8-15; so is row k of B.
    const float* of_a = shown[4 * g + k % 8 / 2] + k / 8 * 4 + k % 2;
    const float* of_b = shown[8 * t + k % 8 / 2] + 8 + k / 8 * 2 + k % 2;
    acc[0] += of_a[0] * of_b[0];
    acc[1] += of_a[0] * of_b[48];
    acc[2] += of_a[2] * of_b[0];
    acc[3] += of_a[2] * of_b[48];
  }
}

// Bytes arrive when they are waited for, not before. Until then there is NaN, in every type: so a missing wait shows, and a copy that begins
// while others still read the tile does, too.
template <int SIZE> UNWATCHED inline void copy_async(void* target, const void* source, bool inside) {
  tallrec::watch(tallrec::Access::WRITE, target, SIZE, __builtin_return_address(0));
  if (inside) tallrec::watch(tallrec::Access::READ, source, SIZE, __builtin_return_address(0));
  if (reinterpret_cast<uintptr_t>(target) % SIZE != 0 || reinterpret_cast<uintptr_t>(source) % SIZE != 0) {
    tallrec::trap("cp.async of bytes that are not aligned");
  }
  memset(target, 0xFF, SIZE);
  tallrec::add_copy({target, source, inside ? size_t(SIZE) : 0, SIZE, __builtin_return_address(0)});
}

inline void wait_for_copies() { tallrec::finish_copies(); }
