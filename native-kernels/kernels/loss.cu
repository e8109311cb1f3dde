// Cross-entropy with its gradient, and probabilities of a few tokens. A block a row of logits.
#include "common.cuh"

// In one pass: each thread keeps the largest logit so far and the sum of exponentials relative to it (Milakov and Gimelshein, arXiv 1805.02867).
template <class T> __device__ float log_sum_exp(const T* logits, int columns) {
  float largest = -INFINITY, sum = 0;
  for_chunks<T>(columns, [&](int first, int count) {
    float values[Chunk<T>::SIZE];
    load_floats(values, logits, first, count);
    float now = largest;
#pragma unroll
    for (int i = 0; i < Chunk<T>::SIZE; i++) {
      if (i >= count) values[i] = -INFINITY;
      now = fmaxf(now, values[i]);
    }
    // Logits of -infinity alone: -inf - -inf must not make NaN of them.
    if (now == -INFINITY) return;
    sum *= expf(largest - now);
#pragma unroll
    for (int i = 0; i < Chunk<T>::SIZE; i++) sum += expf(values[i] - now);
    largest = now;
  });
  float of_all = block_max(largest);
  return of_all + logf(block_sum(sum * expf(largest - of_all)));
}

// dlogits may be logits, or null.
template <class T>
__device__ void cross_entropy(const T* logits, int64_t ls, const int* targets, const float* weights, int64_t ws, float gradient_scale,
                              float* losses, int64_t os, T* dlogits, int64_t ds, int columns) {
  logits += blockIdx.x * ls;
  int target = targets[blockIdx.x];
  float weight = weights[blockIdx.x * ws];
  float lse = log_sum_exp(logits, columns);
  float of_target = to_float(logits[target]);
  if (threadIdx.x == 0) losses[blockIdx.x * os] = weight == 0 ? 0 : weight * (lse - of_target);
  if (dlogits == nullptr) return;
  // All threads must have read the target's logit before one of them overwrites it.
  __syncthreads();
  dlogits += blockIdx.x * ds;
  for_chunks<T>(columns, [&](int first, int count) {
    float values[Chunk<T>::SIZE];
    load_floats(values, logits, first, count);
#pragma unroll
    for (int i = 0; i < Chunk<T>::SIZE; i++) {
      values[i] = gradient_scale * weight * (expf(values[i] - lse) - (first + i == target ? 1 : 0));
    }
    store_floats(dlogits, first, count, values);
  });
}

template <class T>
__device__ void token_probabilities(const T* logits, int64_t ls, const int* tokens, int count, float* probabilities, int64_t ps, int columns) {
  logits += blockIdx.x * ls;
  float lse = log_sum_exp(logits, columns);
  for_columns(count, [&](int j) { probabilities[blockIdx.x * ps + j] = expf(to_float(logits[tokens[j]]) - lse); });
}

#define DEFINE(T, suffix)                                                                                                           \
  extern "C" __global__ void cross_entropy_##suffix(const T* logits, int64_t ls, const int* targets, const float* weights, int64_t ws,   \
                                                    float gradient_scale, float* losses, int64_t os, T* dlogits, int64_t ds,       \
                                                    int columns) {                                                                 \
    cross_entropy(logits, ls, targets, weights, ws, gradient_scale, losses, os, dlogits, ds, columns);                              \
  }                                                                                                                                 \
  REGISTER_KERNEL(cross_entropy_##suffix)                                                                                           \
  extern "C" __global__ void token_probabilities_##suffix(const T* logits, int64_t ls, const int* tokens, int count,                  \
                                                          float* probabilities, int64_t ps, int columns) {                         \
    token_probabilities(logits, ls, tokens, count, probabilities, ps, columns);                                                     \
  }                                                                                                                                 \
  REGISTER_KERNEL(token_probabilities_##suffix)
FOR_EACH_TYPE(DEFINE)
