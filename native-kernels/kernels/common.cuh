// What all kernels share: storage types, row access, reductions, the tensor-core product. The same source is compiled by nvcc for
// devices and, through host/emulation.h, by g++ for tests on a CPU.
#pragma once

#ifdef TALLREC_EMULATION
#include "emulation.h"
#else
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <stdint.h>
typedef __half half_t;
typedef __nv_bfloat16 bf16_t;
#define REGISTER_KERNEL(name)
#endif

// Kernels are exported once per storage type: NAME_f32, NAME_f16, NAME_bf16.
#define FOR_EACH_TYPE(DEFINE) DEFINE(float, f32) DEFINE(half_t, f16) DEFINE(bf16_t, bf16)

#ifndef TALLREC_EMULATION
__device__ inline float to_float(float x) { return x; }
__device__ inline float to_float(half_t x) { return __half2float(x); }
__device__ inline float to_float(bf16_t x) { return __bfloat162float(x); }
template <class T> __device__ inline T from_float(float x);
template <> __device__ inline float from_float<float>(float x) { return x; }
template <> __device__ inline half_t from_float<half_t>(float x) { return __float2half_rn(x); }
template <> __device__ inline bf16_t from_float<bf16_t>(float x) { return __float2bfloat16_rn(x); }
#endif

// What one thread loads at once of a row: 16 bytes if not said otherwise.
template <class T, int N = 16 / sizeof(T)> struct alignas(N * sizeof(T)) Chunk {
  static constexpr int SIZE = N;
  T values[SIZE];
};

template <class T> __device__ inline bool is_aligned(const T* pointer, int bytes = 16) {
  return (reinterpret_cast<uintptr_t>(pointer) & (bytes - 1)) == 0;
}

// Calls work(column) for every column of a row, columns shared out among the threads of the block.
template <class F> __device__ inline void for_columns(int columns, F work) {
  for (int c = threadIdx.x; c < columns; c += blockDim.x) work(c);
}

// Calls work(first, count) for every 16-byte chunk of a row, chunks shared out among the threads of the block; the last may be short. Which
// thread has which columns does not depend on alignment, so that sums have the same bits whatever it is.
template <class T, class F> __device__ inline void for_chunks(int columns, F work) {
  constexpr int SIZE = Chunk<T>::SIZE;
  for (int first = threadIdx.x * SIZE; first < columns; first += blockDim.x * SIZE) {
    work(first, columns - first < SIZE ? columns - first : SIZE);
  }
}

// A chunk of a row: one load where the row is aligned and the chunk is whole. What lies beyond `count` is zero.
template <class T> __device__ inline Chunk<T> load_chunk(const T* row, int first, int count) {
  constexpr int SIZE = Chunk<T>::SIZE;
  if (count == SIZE && is_aligned(row)) return *reinterpret_cast<const Chunk<T>*>(row + first);
  Chunk<T> chunk;
#pragma unroll
  for (int i = 0; i < SIZE; i++) chunk.values[i] = i < count ? row[first + i] : from_float<T>(0);
  return chunk;
}

template <class T> __device__ inline void store_chunk(T* row, int first, int count, const Chunk<T>& chunk) {
  constexpr int SIZE = Chunk<T>::SIZE;
  if (count == SIZE && is_aligned(row)) {
    *reinterpret_cast<Chunk<T>*>(row + first) = chunk;
    return;
  }
#pragma unroll
  for (int i = 0; i < SIZE; i++) {
    if (i < count) row[first + i] = chunk.values[i];
  }
}

// `count` of N values of a row, from a multiple of N on, the others 0: few loads where the row is aligned and all are there.
template <int N, class T> __device__ inline void load_floats(float (&values)[N], const T* row, int first, int count) {
  constexpr int PIECE = N < Chunk<T>::SIZE ? N : Chunk<T>::SIZE;
  if (count >= N && is_aligned(row, PIECE * sizeof(T))) {
#pragma unroll
    for (int i = 0; i < N; i += PIECE) {
      Chunk<T, PIECE> piece = *reinterpret_cast<const Chunk<T, PIECE>*>(row + first + i);
#pragma unroll
      for (int e = 0; e < PIECE; e++) values[i + e] = to_float(piece.values[e]);
    }
  } else {
#pragma unroll
    for (int i = 0; i < N; i++) values[i] = i < count ? to_float(row[first + i]) : 0;
  }
}

template <int N, class T> __device__ inline void store_floats(T* row, int first, int count, const float (&values)[N]) {
  constexpr int PIECE = N < Chunk<T>::SIZE ? N : Chunk<T>::SIZE;
  if (count >= N && is_aligned(row, PIECE * sizeof(T))) {
#pragma unroll
    for (int i = 0; i < N; i += PIECE) {
      Chunk<T, PIECE> piece;
#pragma unroll
      for (int e = 0; e < PIECE; e++) piece.values[e] = from_float<T>(values[i + e]);
      *reinterpret_cast<Chunk<T, PIECE>*>(row + first + i) = piece;
    }
  } else {
#pragma unroll
    for (int i = 0; i < N; i++) {
      if (i < count) row[first + i] = from_float<T>(values[i]);
    }
  }
}

constexpr int WARP = 32;

__device__ inline float warp_sum(float value) {
  for (int offset = WARP / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffu, value, offset);
  return value;
}

__device__ inline float warp_max(float value) {
  for (int offset = WARP / 2; offset > 0; offset /= 2) value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, offset));
  return value;
}

// Sum and maximum over the four lanes that hold a row of a tensor-core product's result.
__device__ inline float row_sum(float value) {
  value += __shfl_xor_sync(0xffffffffu, value, 1);
  return value + __shfl_xor_sync(0xffffffffu, value, 2);
}

__device__ inline float row_max(float value) {
  value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, 1));
  return fmaxf(value, __shfl_xor_sync(0xffffffffu, value, 2));
}

// Sum over the block, the same in every thread and every time: warps in order. blockDim.x is a multiple of 32, at most 1024.
__device__ inline float block_sum(float value) {
  __shared__ float partial[WARP];
  value = warp_sum(value);
  __syncthreads();
  if (threadIdx.x % WARP == 0) partial[threadIdx.x / WARP] = value;
  __syncthreads();
  float total = 0;
  for (int warp = 0; warp < (int)blockDim.x / WARP; warp++) total += partial[warp];
  return total;
}

__device__ inline float block_max(float value) {
  __shared__ float partial[WARP];
  value = warp_max(value);
  __syncthreads();
  if (threadIdx.x % WARP == 0) partial[threadIdx.x / WARP] = value;
  __syncthreads();
  float largest = partial[0];
  for (int warp = 1; warp < (int)blockDim.x / WARP; warp++) largest = fmaxf(largest, partial[warp]);
  return largest;
}

// Philox 4x32-10 (Salmon et al., SC 2011): the four words of the counter (group, row, stream, 0), which are for columns 4 group to 4 group + 3.
__device__ inline void philox(uint32_t (&words)[4], uint64_t seed, uint32_t stream, uint32_t row, uint32_t group) {
  uint32_t c0 = group, c1 = row, c2 = stream, c3 = 0;
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
#pragma unroll
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
    c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
    c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)p1;
    c3 = (uint32_t)p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

// LoRA dropout of backend/Dropout.java; a threshold of 0 keeps everything.
struct Dropout {
  uint64_t seed;
  uint32_t stream;
  uint32_t threshold;
  float keep_scale;

  // Which of four columns of a row are kept, a bit each, from a column on that is a multiple of 4; of use only where the threshold is not 0.
  __device__ uint32_t kept(int row, int column) const {
    uint32_t words[4], bits = 0;
    philox(words, seed, stream, row, column / 4);
#pragma unroll
    for (int e = 0; e < 4; e++) bits |= (words[e] >= threshold ? 1u : 0u) << e;
    return bits;
  }

  // Values of a row from a column on that is a multiple of 4.
  template <int N> __device__ void apply(float (&values)[N], int row, int column) const {
    static_assert(N % 4 == 0, "four columns share a counter");
    if (threshold == 0) return;
#pragma unroll
    for (int i = 0; i < N; i += 4) {
      uint32_t bits = kept(row, column + i);
#pragma unroll
      for (int e = 0; e < 4; e++) values[i + e] *= bits >> e & 1 ? keep_scale : 0;
    }
  }
};
