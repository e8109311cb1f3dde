// Lets g++ compile the kernels and run them on a CPU, for tests on machines without a GPU: thread blocks as fibers, barriers, warp shuffles, half
// types, and the tensor-core product as a function of a warp.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <utility>

#define __global__
#define __device__
#define __shared__ static thread_local
#define __launch_bounds__(threads)
#define REGISTER_KERNEL(name) static tallrec::Registration registration_of_##name(#name, tallrec::launcher(name));

struct Dim3 {
  unsigned x, y, z;
};

extern thread_local Dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace tallrec {

using Launcher = std::function<void(void**)>;

// Makes the kernel known under its name.
struct Registration {
  Registration(const char* name, Launcher launcher);
};

template <class... A, size_t... I>
Launcher launcher(void (*kernel)(A...), std::index_sequence<I...>) {
  return [kernel](void** arguments) { kernel(*static_cast<std::remove_reference_t<A>*>(arguments[I])...); };
}

template <class... A> Launcher launcher(void (*kernel)(A...)) { return launcher(kernel, std::index_sequence_for<A...>()); }

void block_barrier();
void warp_barrier();

// 32 lanes' room to show each other values: two halves in turn, so that nobody overwrites what another has not read yet.
struct Exchange {
  uint32_t words[32][6];
};
Exchange& next_exchange();

}  // namespace tallrec

inline void __syncthreads() { tallrec::block_barrier(); }
inline void __syncwarp() { tallrec::warp_barrier(); }

inline float __shfl_xor_sync(unsigned, float value, int mask) {
  tallrec::Exchange& exchange = tallrec::next_exchange();
  unsigned lane = threadIdx.x % 32;
  memcpy(exchange.words[lane], &value, 4);
  tallrec::warp_barrier();
  float other;
  memcpy(&other, exchange.words[lane ^ mask], 4);
  return other;
}

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

// mma.sync.m16n8k16: every lane shows its fragments, then sums up its own four elements. Lane 4 g + t holds of A (rows g, g + 8; columns 2 t,
// 2 t + 1 and 8 more) and of B (rows 2 t, 2 t + 1 and 8 more; column g).
template <class T> inline void mma(float acc[4], const uint32_t a[4], const uint32_t b[2], T) {
  tallrec::Exchange& exchange = tallrec::next_exchange();
  unsigned lane = threadIdx.x % 32;
  memcpy(exchange.words[lane], a, 16);
  memcpy(exchange.words[lane] + 4, b, 8);
  tallrec::warp_barrier();
  auto element = [&](unsigned of_lane, int word, int half) {
    T value;
    value.bits = (uint16_t)(exchange.words[of_lane][word] >> 16 * half);
    return to_float(value);
  };
  for (int i = 0; i < 4; i++) {
    unsigned row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
    for (int k = 0; k < 16; k++) {
      float of_a = element(row % 8 * 4 + k % 8 / 2, row / 8 + k / 8 * 2, k % 2);
      float of_b = element(column * 4 + k % 8 / 2, 4 + k / 8, k % 2);
      acc[i] += of_a * of_b;
    }
  }
}
