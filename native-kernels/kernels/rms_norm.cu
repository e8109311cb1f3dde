// RMSNorm (Zhang and Sennrich, arXiv 1910.07467), with and without the residual add before it, and its gradient. A block a row.
#include "common.cuh"

template <class T>
__device__ void normalize(const T* x, const T* weight, float epsilon, T* out, float* rstd, int columns) {
  float sum = 0;
  for_chunks<T>(columns, [&](int first, int count) {
    Chunk<T> values = load_chunk(x, first, count);
    for (int i = 0; i < Chunk<T>::SIZE; i++) {
      float value = to_float(values.values[i]);
      sum += value * value;
    }
  });
  float scale = 1.0f / sqrtf(block_sum(sum) / columns + epsilon);
  if (threadIdx.x == 0) *rstd = scale;
  for_chunks<T>(columns, [&](int first, int count) {
    Chunk<T> values = load_chunk(x, first, count), weights = load_chunk(weight, first, count);
    for (int i = 0; i < Chunk<T>::SIZE; i++) {
      values.values[i] = from_float<T>(to_float(values.values[i]) * scale * to_float(weights.values[i]));
    }
    store_chunk(out, first, count, values);
  });
}

template <class T>
__device__ void rms_norm(const T* x, int64_t xs, const T* weight, float epsilon, T* out, int64_t os, float* rstd, int64_t rs, int columns) {
  normalize(x + blockIdx.x * xs, weight, epsilon, out + blockIdx.x * os, rstd + blockIdx.x * rs, columns);
}

// sum = x + delta, rounded to T; out = rms_norm(sum). Each thread reads back only what it wrote itself.
template <class T>
__device__ void add_rms_norm(const T* x, int64_t xs, const T* delta, int64_t ds, const T* weight, float epsilon, T* sum, int64_t ss,
                             T* out, int64_t os, float* rstd, int64_t rs, int columns) {
  x += blockIdx.x * xs;
  delta += blockIdx.x * ds;
  sum += blockIdx.x * ss;
  for_chunks<T>(columns, [&](int first, int count) {
    Chunk<T> values = load_chunk(x, first, count), deltas = load_chunk(delta, first, count);
    for (int i = 0; i < Chunk<T>::SIZE; i++) {
      values.values[i] = from_float<T>(to_float(values.values[i]) + to_float(deltas.values[i]));
    }
    store_chunk(sum, first, count, values);
  });
  normalize(sum, weight, epsilon, out + blockIdx.x * os, rstd + blockIdx.x * rs, columns);
}

// dx += rstd * (weight * dout - x * rstd^2 * mean(weight * dout * x)).
template <class T>
__device__ void rms_norm_backward(const T* dout, int64_t gs, const T* x, int64_t xs, const T* weight, const float* rstd, int64_t rs, T* dx,
                                  int64_t ds, int columns) {
  dout += blockIdx.x * gs;
  x += blockIdx.x * xs;
  dx += blockIdx.x * ds;
  float sum = 0;
  for_chunks<T>(columns, [&](int first, int count) {
    Chunk<T> values = load_chunk(x, first, count), weights = load_chunk(weight, first, count), douts = load_chunk(dout, first, count);
    for (int i = 0; i < Chunk<T>::SIZE; i++) {
      sum += to_float(weights.values[i]) * to_float(douts.values[i]) * to_float(values.values[i]);
    }
  });
  float scale = rstd[blockIdx.x * rs];
  float correction = block_sum(sum) / columns * scale * scale;
  for_chunks<T>(columns, [&](int first, int count) {
    Chunk<T> values = load_chunk(x, first, count), weights = load_chunk(weight, first, count), douts = load_chunk(dout, first, count);
    Chunk<T> gradients = load_chunk(dx, first, count);
    for (int i = 0; i < Chunk<T>::SIZE; i++) {
      float gradient =
          scale * (to_float(weights.values[i]) * to_float(douts.values[i]) - to_float(values.values[i]) * correction);
      gradients.values[i] = from_float<T>(to_float(gradients.values[i]) + gradient);
    }
    store_chunk(dx, first, count, gradients);
  });
}

#define DEFINE(T, suffix)                                                                                                          \
  extern "C" __global__ void rms_norm_##suffix(const T* x, int64_t xs, const T* weight, float epsilon, T* out, int64_t os, float* rstd,  \
                                               int64_t rs, int columns) {                                                          \
    rms_norm(x, xs, weight, epsilon, out, os, rstd, rs, columns);                                                                  \
  }                                                                                                                                \
  REGISTER_KERNEL(rms_norm_##suffix)                                                                                               \
  extern "C" __global__ void add_rms_norm_##suffix(const T* x, int64_t xs, const T* delta, int64_t ds, const T* weight, float epsilon,  \
                                                   T* sum, int64_t ss, T* out, int64_t os, float* rstd, int64_t rs, int columns) {  \
    add_rms_norm(x, xs, delta, ds, weight, epsilon, sum, ss, out, os, rstd, rs, columns);                                          \
  }                                                                                                                                \
  REGISTER_KERNEL(add_rms_norm_##suffix)                                                                                           \
  extern "C" __global__ void rms_norm_backward_##suffix(const T* dout, int64_t gs, const T* x, int64_t xs, const T* weight,           \
                                                        const float* rstd, int64_t rs, T* dx, int64_t ds, int columns) {           \
    rms_norm_backward(dout, gs, x, xs, weight, rstd, rs, dx, ds, columns);                                                         \
  }                                                                                                                                \
  REGISTER_KERNEL(rms_norm_backward_##suffix)
FOR_EACH_TYPE(DEFINE)
