// Products of a warp in fp32, which tensor cores would round, with operands in shared memory.
#pragma once
#include "common.cuh"

// An operand in shared memory: element (row, column) is at data[row * row_stride + column * column_stride].
struct Tile {
  const float* data;
  int row_stride;
  int column_stride;

  __device__ float at(int row, int column) const { return data[row * row_stride + column * column_stride]; }
};

__device__ inline Tile tile(const float* data, int stride) { return {data, stride, 1}; }
__device__ inline Tile transposed(const float* data, int stride) { return {data, 1, stride}; }

// acc += A[16 rows, depth] B[depth, 8 columns], the result spread over a warp as a tensor core would (fragments.cuh).
__device__ inline void multiply(float acc[4], Tile a, Tile b, int depth) {
  int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
  for (int k = 0; k < depth; k++) {
    float a0 = a.at(g, k), a1 = a.at(g + 8, k), b0 = b.at(k, 2 * t), b1 = b.at(k, 2 * t + 1);
    acc[0] += a0 * b0;
    acc[1] += a0 * b1;
    acc[2] += a1 * b0;
    acc[3] += a1 * b1;
  }
}
