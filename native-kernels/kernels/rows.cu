// Moving rows: embedding and gather, scatter-add, copy with conversion, add, fill. A block a row.
#include "common.cuh"

// out[i] = source[rows[i]]. Whole 16-byte chunks where both rows allow.
template <class T>
__device__ void gather_rows(const T* source, int64_t source_stride, const int* rows, T* out, int64_t out_stride, int columns) {
  const T* from = source + rows[blockIdx.x] * source_stride;
  T* to = out + blockIdx.x * out_stride;
  int whole = is_aligned(from) && is_aligned(to) ? columns / Chunk<T>::SIZE : 0;
  for_columns(whole, [&](int c) {
    reinterpret_cast<Chunk<T>*>(to)[c] = reinterpret_cast<const Chunk<T>*>(from)[c];
  });
  for (int c = whole * Chunk<T>::SIZE + threadIdx.x; c < columns; c += blockDim.x) to[c] = from[c];
}

// y += x in one row.
template <class T> __device__ inline void add_row(const T* x, T* y, int columns) {
  for_chunks<T>(columns, [&](int first, int count) {
    Chunk<T> xs = load_chunk(x, first, count), ys = load_chunk(y, first, count);
    for (int i = 0; i < Chunk<T>::SIZE; i++) ys.values[i] = from_float<T>(to_float(ys.values[i]) + to_float(xs.values[i]));
    store_chunk(y, first, count, ys);
  });
}

// target[rows[i]] += source[i]; rows are distinct.
template <class T>
__device__ void scatter_add_rows(const T* source, int64_t source_stride, const int* rows, T* target, int64_t target_stride, int columns) {
  const T* from = source + blockIdx.x * source_stride;
  T* to = target + rows[blockIdx.x] * target_stride;
  add_row(from, to, columns);
}

// y += x.
template <class T> __device__ void add(const T* x, int64_t x_stride, T* y, int64_t y_stride, int columns) {
  add_row(x + blockIdx.x * x_stride, y + blockIdx.x * y_stride, columns);
}

template <class T> __device__ void fill(T* x, int64_t stride, float value, int columns) {
  x += blockIdx.x * stride;
  Chunk<T> values;
  for (int i = 0; i < Chunk<T>::SIZE; i++) values.values[i] = from_float<T>(value);
  for_chunks<T>(columns, [&](int first, int count) { store_chunk(x, first, count, values); });
}

template <class S, class T>
__device__ void convert(const S* source, int64_t source_stride, T* target, int64_t target_stride, int columns) {
  source += blockIdx.x * source_stride;
  target += blockIdx.x * target_stride;
  // Chunks of the narrower type: 16 bytes on its side, 32 on the other's if that is wider.
  constexpr int SIZE = Chunk<S>::SIZE > Chunk<T>::SIZE ? Chunk<S>::SIZE : Chunk<T>::SIZE;
  for (int first = threadIdx.x * SIZE; first < columns; first += blockDim.x * SIZE) {
    float values[SIZE];
    load_floats(values, source, first, columns - first);
    store_floats(target, first, columns - first, values);
  }
}

#define DEFINE(T, suffix)                                                                                                        \
  extern "C" __global__ void gather_rows_##suffix(const T* source, int64_t ss, const int* rows, T* out, int64_t os, int columns) {  \
    gather_rows(source, ss, rows, out, os, columns);                                                                             \
  }                                                                                                                              \
  REGISTER_KERNEL(gather_rows_##suffix)                                                                                          \
  extern "C" __global__ void scatter_add_rows_##suffix(const T* source, int64_t ss, const int* rows, T* target, int64_t ts,        \
                                                       int columns) {                                                            \
    scatter_add_rows(source, ss, rows, target, ts, columns);                                                                     \
  }                                                                                                                              \
  REGISTER_KERNEL(scatter_add_rows_##suffix)                                                                                     \
  extern "C" __global__ void add_##suffix(const T* x, int64_t xs, T* y, int64_t ys, int columns) { add(x, xs, y, ys, columns); }  \
  REGISTER_KERNEL(add_##suffix)                                                                                                  \
  extern "C" __global__ void fill_##suffix(T* x, int64_t xs, float value, int columns) { fill(x, xs, value, columns); }            \
  REGISTER_KERNEL(fill_##suffix)
FOR_EACH_TYPE(DEFINE)
#undef DEFINE

#define CONVERT(S, from, T, to)                                                                                              \
  extern "C" __global__ void convert_##from##_##to(const S* source, int64_t ss, T* target, int64_t ts, int columns) {         \
    convert(source, ss, target, ts, columns);                                                                               \
  }                                                                                                                          \
  REGISTER_KERNEL(convert_##from##_##to)
CONVERT(float, f32, float, f32)
CONVERT(half_t, f16, half_t, f16)
CONVERT(bf16_t, bf16, bf16_t, bf16)
CONVERT(float, f32, half_t, f16)
CONVERT(float, f32, bf16_t, bf16)
CONVERT(half_t, f16, float, f32)
CONVERT(half_t, f16, bf16_t, bf16)
CONVERT(bf16_t, bf16, float, f32)
CONVERT(bf16_t, bf16, half_t, f16)
#undef CONVERT
