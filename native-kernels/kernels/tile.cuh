// The 16 x 8 x 16 product of a warp, with operands in shared memory. Lane l of a warp holds, of the 16 x 8 result, elements
// (g, 2 t), (g, 2 t + 1), (g + 8, 2 t), (g + 8, 2 t + 1) with g = l / 4 and t = l % 4: the layout of mma.sync.m16n8k16 (PTX ISA, "Matrix
// fragments"). fp16 and bf16 run on tensor cores; fp32, which tensor cores would round, as plain sums in the same layout.
#pragma once
#include "common.cuh"

// An operand tile: element (row, column) is at data[row * row_stride + column * column_stride].
template <class T> struct Tile {
  const T* data;
  int row_stride;
  int column_stride;

  __device__ T at(int row, int column) const { return data[row * row_stride + column * column_stride]; }
};

template <class T> __device__ inline Tile<T> tile(const T* data, int stride) { return {data, stride, 1}; }
template <class T> __device__ inline Tile<T> transposed(const T* data, int stride) { return {data, 1, stride}; }

// Two neighbours as one register, the first in the low half. Where they are neighbours in memory, too, that is one load: offsets along k are even.
template <class T> __device__ inline uint32_t pair(const T* data, int distance) {
  uint32_t both;
  if (distance == 1) {
    memcpy(&both, __builtin_assume_aligned(data, 4), 4);
  } else {
    uint16_t low, high;
    memcpy(&low, data, 2);
    memcpy(&high, data + distance, 2);
    both = (uint32_t)low | (uint32_t)high << 16;
  }
  return both;
}

#ifndef TALLREC_EMULATION
__device__ inline void mma(float acc[4], const uint32_t a[4], const uint32_t b[2], half_t) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(acc[0]), "+f"(acc[1]), "+f"(acc[2]), "+f"(acc[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ inline void mma(float acc[4], const uint32_t a[4], const uint32_t b[2], bf16_t) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(acc[0]), "+f"(acc[1]), "+f"(acc[2]), "+f"(acc[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#endif

// acc += A[16 rows, depth] B[depth, 8 columns]; depth is a multiple of 16. All lanes of a warp call it together.
template <class T> __device__ inline void multiply(float acc[4], Tile<T> a, Tile<T> b, int depth) {
  int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
#pragma unroll
  for (int k = 0; k < depth; k += 16) {
    const T* upper = a.data + g * a.row_stride + (k + 2 * t) * a.column_stride;
    const T* lower = upper + 8 * a.row_stride;
    uint32_t fa[4] = {pair(upper, a.column_stride), pair(lower, a.column_stride), pair(upper + 8 * a.column_stride, a.column_stride),
                      pair(lower + 8 * a.column_stride, a.column_stride)};
    const T* near = b.data + (k + 2 * t) * b.row_stride + g * b.column_stride;
    uint32_t fb[2] = {pair(near, b.row_stride), pair(near + 8 * b.row_stride, b.row_stride)};
    mma(acc, fa, fb, T());
  }
}

template <> __device__ inline void multiply<float>(float acc[4], Tile<float> a, Tile<float> b, int depth) {
  int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
  for (int k = 0; k < depth; k++) {
    float a0 = a.at(g, k), a1 = a.at(g + 8, k), b0 = b.at(k, 2 * t), b1 = b.at(k, 2 * t + 1);
    acc[0] += a0 * b0;
    acc[1] += a0 * b1;
    acc[2] += a1 * b0;
    acc[3] += a1 * b1;
  }
}
