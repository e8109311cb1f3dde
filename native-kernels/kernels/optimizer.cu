// Gradient norm and AdamW (Loshchilov and Hutter, arXiv 1711.05101) over flat fp32 vectors; the copy in compute type is written in the same pass.
#include "common.cuh"

// Elements that a thread takes at once.
constexpr int SIZE = 4;

// partials[block] = sum of squares of the block's stretch, in double; the host adds partials in order.
extern "C" __global__ void sum_of_squares(const float* x, int64_t count, double* partials) {
  __shared__ double sums[256];
  int64_t stretch = (count + gridDim.x * SIZE - 1) / (gridDim.x * SIZE) * SIZE;
  int64_t from = blockIdx.x * stretch, to = from + stretch < count ? from + stretch : count;
  double sum = 0;
  for (int64_t i = from + threadIdx.x * SIZE; i < to; i += blockDim.x * SIZE) {
    float values[SIZE];
    load_floats(values, x + i, 0, to - i < SIZE ? to - i : SIZE);
#pragma unroll
    for (int e = 0; e < SIZE; e++) sum += (double)values[e] * values[e];
  }
  sums[threadIdx.x] = sum;
  __syncthreads();
  for (int half = blockDim.x / 2; half > 0; half /= 2) {
    if ((int)threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x == 0) partials[blockIdx.x] = sums[0];
}
REGISTER_KERNEL(sum_of_squares)

template <class T>
__device__ void adamw(float* w, const float* gradients, float* m, float* v, T* copy, int64_t count, float gradient_scale, float decay,
                      float beta1, float beta2, float one_minus_beta1, float one_minus_beta2, float step_size, float correction2_root,
                      float epsilon) {
  int64_t step = (int64_t)gridDim.x * blockDim.x * SIZE;
  for (int64_t i = ((int64_t)blockIdx.x * blockDim.x + threadIdx.x) * SIZE; i < count; i += step) {
    int here = count - i < SIZE ? count - i : SIZE;
    float weights[SIZE], gradient[SIZE], first[SIZE], second[SIZE];
    load_floats(weights, w + i, 0, here);
    load_floats(gradient, gradients + i, 0, here);
    load_floats(first, m + i, 0, here);
    load_floats(second, v + i, 0, here);
#pragma unroll
    for (int e = 0; e < SIZE; e++) {
      float scaled = gradient[e] * gradient_scale;
      first[e] += (scaled - first[e]) * one_minus_beta1;
      second[e] = second[e] * beta2 + scaled * scaled * one_minus_beta2;
      weights[e] = weights[e] * decay - step_size * first[e] / (sqrtf(second[e]) / correction2_root + epsilon);
    }
    store_floats(m + i, 0, here, first);
    store_floats(v + i, 0, here, second);
    store_floats(w + i, 0, here, weights);
    store_floats(copy + i, 0, here, weights);
  }
}

#define DEFINE(T, suffix)                                                                                                              \
  extern "C" __global__ void adamw_##suffix(float* w, const float* g, float* m, float* v, T* copy, int64_t count, float gradient_scale,   \
                                            float decay, float beta1, float beta2, float one_minus_beta1, float one_minus_beta2,       \
                                            float step_size, float correction2_root, float epsilon) {                                  \
    adamw(w, g, m, v, copy, count, gradient_scale, decay, beta1, beta2, one_minus_beta1, one_minus_beta2, step_size, correction2_root,   \
          epsilon);                                                                                                                    \
  }                                                                                                                                    \
  REGISTER_KERNEL(adamw_##suffix)
FOR_EACH_TYPE(DEFINE)
