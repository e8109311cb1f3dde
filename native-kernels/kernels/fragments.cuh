// Tensor-core products of fp16 and bf16, their operands in registers. A lane of a warp is l = 4 g + t, 0 <= t < 4 (PTX ISA, "Matrix
// fragments for mma.m16n8k16"):
//
//   A, 16 x 16, four registers of two neighbours in a row, (row, first column): (g, 2 t), (g + 8, 2 t), (g, 2 t + 8), (g + 8, 2 t + 8).
//   B, 16 x 8, two registers of two neighbours in a column, (first row, column): (2 t, g), (2 t + 8, g).
//   Result, 16 x 8, four floats: (g, 2 t), (g, 2 t + 1), (g + 8, 2 t), (g + 8, 2 t + 1).
//
// So two results side by side, packed, are an A: a product's result is the next one's operand without leaving registers.
#pragma once
#include "common.cuh"

// The instructions; host/emulation.h has twins of them.
#ifndef TALLREC_EMULATION

// Two floats rounded to T in one register, `low` in the low half.
template <class T> __device__ inline uint32_t pack(float low, float high);
template <> __device__ inline uint32_t pack<half_t>(float low, float high) {
  uint32_t both;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  return both;
}
template <> __device__ inline uint32_t pack<bf16_t>(float low, float high) {
  uint32_t both;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  return both;
}

// 2^x to about 2 units in the last place; results below the normal numbers are 0.
__device__ inline float exp2_approximate(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

// Four 8 x 8 matrices from shared memory. Lane l says where row l % 8 of matrix l / 8 is: 16 bytes, 16-byte aligned. It receives of every matrix
// elements (g, 2 t) and (g, 2 t + 1); TRANSPOSED, (2 t, g) and (2 t + 1, g).
template <bool TRANSPOSED> __device__ inline void ldmatrix(uint32_t fragment[4], const void* row) {
  uint32_t address = (uint32_t)__cvta_generic_to_shared(row);
  if (TRANSPOSED) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
                 : "r"(address));
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
                 : "r"(address));
  }
}

// acc += A B with fp32 sums.
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

// Begins to copy SIZE bytes (4 or 16, aligned so) from global to shared memory, or zeros if not `inside`; they are there for this thread after
// wait_for_copies, for others after a barrier behind it.
template <int SIZE> __device__ inline void copy_async(void* target, const void* source, bool inside) {
  uint32_t address = (uint32_t)__cvta_generic_to_shared(target);
  int bytes = inside ? SIZE : 0;
  if (SIZE == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(source), "r"(bytes) : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(address), "l"(source), "n"(SIZE), "r"(bytes) : "memory");
  }
}
__device__ inline void wait_for_copies() { asm volatile("cp.async.wait_all;" ::: "memory"); }

#endif

// Operands from tiles in shared memory, whose rows are ROW elements apart: an odd multiple of 16 bytes, so that the eight rows of a matrix lie in
// different banks.

// A[m][k] = tile[m][k].
template <int ROW, class T> __device__ inline void load_a(uint32_t a[4], const T* tile) {
  int lane = threadIdx.x % WARP;
  ldmatrix<false>(a, tile + lane % 16 * ROW + lane / 16 * 8);
}

// Two Bs side by side, B[k][n] = tile[n][k]: 16 rows of the tile are 16 columns of the result.
template <int ROW, class T> __device__ inline void load_b_of_rows(uint32_t b[4], const T* tile) {
  int lane = threadIdx.x % WARP;
  ldmatrix<false>(b, tile + (lane % 8 + lane / 16 * 8) * ROW + lane / 8 % 2 * 8);
}

// Two Bs one below the other, B[k][n] = tile[n][k]: 8 rows of the tile are 8 columns of the result.
template <int ROW, class T> __device__ inline void load_deep_b_of_rows(uint32_t b[4], const T* tile) {
  int lane = threadIdx.x % WARP;
  ldmatrix<false>(b, tile + lane % 8 * ROW + lane / 8 * 8);
}

// Two Bs side by side, B[k][n] = tile[k][n].
template <int ROW, class T> __device__ inline void load_b(uint32_t b[4], const T* tile) {
  int lane = threadIdx.x % WARP;
  ldmatrix<true>(b, tile + lane % 16 * ROW + lane / 16 * 8);
}

// Two neighbouring results += A and two Bs.
template <class T> __device__ inline void multiply_add(float (*acc)[4], const uint32_t a[4], const uint32_t b[4]) {
  mma(acc[0], a, b, T());
  mma(acc[1], a, b + 2, T());
}

// Two neighbouring results as A.
template <class T> __device__ inline void pack_a(uint32_t a[4], const float (*results)[4]) {
  a[0] = pack<T>(results[0][0], results[0][1]);
  a[1] = pack<T>(results[0][2], results[0][3]);
  a[2] = pack<T>(results[1][0], results[1][1]);
  a[3] = pack<T>(results[1][2], results[1][3]);
}
