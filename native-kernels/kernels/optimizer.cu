// Gradient norm and AdamW (Loshchilov and Hutter, arXiv 1711.05101) over flat fp32 vectors; the copy in compute type is written in the same pass.
#include "common.cuh"

// partials[block] = sum of squares of the block's stretch, in double; the host adds partials in order.
extern "C" __global__ void sum_of_squares(const float* x, int64_t count, double* partials) {
  __shared__ double sums[256];
  int64_t stretch = (count + gridDim.x - 1) / gridDim.x;
  int64_t from = blockIdx.x * stretch, to = from + stretch < count ? from + stretch : count;
  double sum = 0;
  for (int64_t i = from + threadIdx.x; i < to; i += blockDim.x) sum += (double)x[i] * x[i];
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
  for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += (int64_t)gridDim.x * blockDim.x) {
    float gradient = gradients[i] * gradient_scale;
    float first = m[i] + (gradient - m[i]) * one_minus_beta1;
    float second = v[i] * beta2 + gradient * gradient * one_minus_beta2;
    float weight = w[i] * decay - step_size * first / (sqrtf(second) / correction2_root + epsilon);
    m[i] = first;
    v[i] = second;
    w[i] = weight;
    copy[i] = from_float<T>(weight);
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
