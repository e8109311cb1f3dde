// Cross-entropy with its gradient in one pass, and probabilities of a few tokens. A block a row of logits.
#include "common.cuh"

template <class T> __device__ float log_sum_exp(const T* logits, int columns) {
  float largest = -INFINITY;
  for_columns(columns, [&](int c) { largest = fmaxf(largest, to_float(logits[c])); });
  largest = block_max(largest);
  float sum = 0;
  for_columns(columns, [&](int c) { sum += expf(to_float(logits[c]) - largest); });
  return largest + logf(block_sum(sum));
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
  for_columns(columns, [&](int c) {
    float probability = expf(to_float(logits[c]) - lse);
    dlogits[c] = from_float<T>(gradient_scale * weight * (probability - (c == target ? 1 : 0)));
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
