// Rotary embedding in place (Su et al., arXiv 2104.09864) and SwiGLU (Shazeer, arXiv 2002.05202) with its gradient. A block a row.
#include "common.cuh"

// Within a head, (x[i], x[i + half]) is rotated by the angle of (position, i); sign -1 rotates back.
template <class T>
__device__ void rope(T* x, int64_t xs, const int* positions, const float* cos, const float* sin, int64_t table_stride, int half, int columns,
                     float sign) {
  x += blockIdx.x * xs;
  cos += positions[blockIdx.x] * table_stride;
  sin += positions[blockIdx.x] * table_stride;
  constexpr int SIZE = Chunk<T>::SIZE;
  int chunks = (half + SIZE - 1) / SIZE;
  for_columns(columns / (2 * half) * chunks, [&](int i) {
    int first = i % chunks * SIZE, count = half - first < SIZE ? half - first : SIZE;
    T* low = x + i / chunks * 2 * half;
    T* high = low + half;
    float a[SIZE], b[SIZE], c[SIZE], s[SIZE];
    load_floats(a, low, first, count);
    load_floats(b, high, first, count);
    load_floats(c, cos, first, count);
    load_floats(s, sin, first, count);
#pragma unroll
    for (int e = 0; e < SIZE; e++) {
      float of_low = a[e] * c[e] - b[e] * (s[e] * sign);
      b[e] = b[e] * c[e] + a[e] * (s[e] * sign);
      a[e] = of_low;
    }
    store_floats(low, first, count, a);
    store_floats(high, first, count, b);
  });
}

template <class T>
__device__ void swiglu(const T* gate, int64_t gs, const T* up, int64_t us, T* out, int64_t os, int columns) {
  gate += blockIdx.x * gs;
  up += blockIdx.x * us;
  out += blockIdx.x * os;
  for_chunks<T>(columns, [&](int first, int count) {
    Chunk<T> gates = load_chunk(gate, first, count), ups = load_chunk(up, first, count);
    for (int i = 0; i < Chunk<T>::SIZE; i++) {
      float g = to_float(gates.values[i]);
      gates.values[i] = from_float<T>(g / (1 + expf(-g)) * to_float(ups.values[i]));
    }
    store_chunk(out, first, count, gates);
  });
}

template <class T>
__device__ void swiglu_backward(const T* dout, int64_t os, const T* gate, int64_t gs, const T* up, int64_t us, T* dgate, int64_t dgs, T* dup,
                                int64_t dus, int columns) {
  dout += blockIdx.x * os;
  gate += blockIdx.x * gs;
  up += blockIdx.x * us;
  dgate += blockIdx.x * dgs;
  dup += blockIdx.x * dus;
  for_chunks<T>(columns, [&](int first, int count) {
    Chunk<T> douts = load_chunk(dout, first, count), gates = load_chunk(gate, first, count), ups = load_chunk(up, first, count);
    for (int i = 0; i < Chunk<T>::SIZE; i++) {
      float d = to_float(douts.values[i]), g = to_float(gates.values[i]), u = to_float(ups.values[i]);
      float s = 1 / (1 + expf(-g));
      gates.values[i] = from_float<T>(d * u * s * (1 + g * (1 - s)));
      ups.values[i] = from_float<T>(d * g * s);
    }
    store_chunk(dgate, first, count, gates);
    store_chunk(dup, first, count, ups);
  });
}

#define DEFINE(T, suffix)                                                                                                           \
  extern "C" __global__ void rope_##suffix(T* x, int64_t xs, const int* positions, const float* cos, const float* sin, int64_t ts, int half, \
                                           int columns, float sign) {                                                              \
    rope(x, xs, positions, cos, sin, ts, half, columns, sign);                                                                      \
  }                                                                                                                                 \
  REGISTER_KERNEL(rope_##suffix)                                                                                                    \
  extern "C" __global__ void swiglu_##suffix(const T* gate, int64_t gs, const T* up, int64_t us, T* out, int64_t os, int columns) {    \
    swiglu(gate, gs, up, us, out, os, columns);                                                                                     \
  }                                                                                                                                 \
  REGISTER_KERNEL(swiglu_##suffix)                                                                                                  \
  extern "C" __global__ void swiglu_backward_##suffix(const T* dout, int64_t os, const T* gate, int64_t gs, const T* up, int64_t us,     \
                                                      T* dgate, int64_t dgs, T* dup, int64_t dus, int columns) {                    \
    swiglu_backward(dout, os, gate, gs, up, us, dgate, dgs, dup, dus, columns);                                                     \
  }                                                                                                                                 \
  REGISTER_KERNEL(swiglu_backward_##suffix)
FOR_EACH_TYPE(DEFINE)
