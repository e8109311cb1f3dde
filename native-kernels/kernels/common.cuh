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

// 16 bytes of a row: what one thread loads at once.
template <class T> struct alignas(16) Chunk {
  static constexpr int SIZE = 16 / sizeof(T);
  T values[SIZE];
};

template <class T> __device__ inline bool is_aligned(const T* pointer) {
  return (reinterpret_cast<uintptr_t>(pointer) & 15) == 0;
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

// Philox 4x32-10 (Salmon et al., SC 2011): word column % 4 of the counter (column / 4, row, stream, 0).
__device__ inline uint32_t philox(uint64_t seed, uint32_t stream, uint32_t row, uint32_t column) {
  uint32_t c0 = column / 4, c1 = row, c2 = stream, c3 = 0;
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
    c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
    c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)p1;
    c3 = (uint32_t)p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  switch (column % 4) {
    case 0: return c0;
    case 1: return c1;
    case 2: return c2;
    default: return c3;
  }
}

// LoRA dropout of backend/Dropout.java; a threshold of 0 keeps everything.
struct Dropout {
  uint64_t seed;
  uint32_t stream;
  uint32_t threshold;
  float keep_scale;

  __device__ float factor(int row, int column) const {
    if (threshold == 0) return 1;
    return philox(seed, stream, row, column) >= threshold ? keep_scale : 0;
  }
};
