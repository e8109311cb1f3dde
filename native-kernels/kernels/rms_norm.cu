// RMSNorm (Zhang and Sennrich, arXiv 1910.07467), with and without the residual add before it, and its gradient. A block a row.
#include "common.cuh"

template <class T>
__device__ void normalize(const T* x, const T* weight, float epsilon, T* out, float* rstd, int columns) {
  float sum = 0;
  for_columns(columns, [&](int c) {
    float value = to_float(x[c]);
    sum += value * value;
  });
  float scale = 1.0f / sqrtf(block_sum(sum) / columns + epsilon);
  if (threadIdx.x == 0) *rstd = scale;
  for_columns(columns, [&](int c) { out[c] = from_float<T>(to_float(x[c]) * scale * to_float(weight[c])); });
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
  for_columns(columns, [&](int c) { sum[c] = from_float<T>(to_float(x[c]) + to_float(delta[c])); });
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
  for_columns(columns, [&](int c) { sum += to_float(weight[c]) * to_float(dout[c]) * to_float(x[c]); });
  float scale = rstd[blockIdx.x * rs];
  float correction = block_sum(sum) / columns * scale * scale;
  for_columns(columns, [&](int c) {
    float gradient = scale * (to_float(weight[c]) * to_float(dout[c]) - to_float(x[c]) * correction);
    dx[c] = from_float<T>(to_float(dx[c]) + gradient);
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
