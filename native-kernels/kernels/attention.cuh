// What attention's forward and backward kernels share. Blocks of queries meet tiles of keys; scores exist for one tile at a time (Dao,
// "FlashAttention-2", arXiv 2307.08691). Layout of segments: backend/AttentionLayout.java.
#pragma once
#include "tile.cuh"

struct Segment {
  int query_start, query_count, key_start, causal_offset, prefix_start, prefix_length;

  __device__ static Segment load(const int* segments, int index) {
    const int* s = segments + 6 * index;
    return {s[0], s[1], s[2], s[3], s[4], s[5]};
  }

  // Whether query i of the segment sees the key in row `key`.
  __device__ bool sees(int query, int key) const {
    bool own = key >= key_start && key <= key_start + causal_offset + query;
    return own || (key >= prefix_start && key < prefix_start + prefix_length);
  }
};

// Tile sizes: what fits 48 KiB of static shared memory at the largest head dimension, 128.
template <class T> struct Sizes {
  static constexpr int QUERIES = 64;
  static constexpr int KEYS = 32;
  static constexpr int BACKWARD = 32;
};
template <> struct Sizes<float> {
  static constexpr int QUERIES = 32;
  static constexpr int KEYS = 16;
  static constexpr int BACKWARD = 16;
};

// Rows of a tile in shared memory are 16 bytes apart from a multiple of 128, so that columns spread over the banks.
template <class T, int D> struct Padded {
  static constexpr int ROW = D + 16 / sizeof(T);
};

// Copies `rows` rows of one head from `first` on into a tile, zeros beyond `last` and beyond head_dim.
template <class T, int D>
__device__ void load_rows(T* tile, const T* matrix, int64_t stride, int first, int rows, int last, int head_dim) {
  for (int i = threadIdx.x; i < rows * D; i += blockDim.x) {
    int row = i / D, column = i % D;
    bool inside = first + row < last && column < head_dim;
    tile[row * Padded<T, D>::ROW + column] = inside ? matrix[(first + row) * stride + column] : from_float<T>(0);
  }
}

// Kernels are instantiated for padded head dimensions.
#define FOR_EACH_HEAD_DIM(DEFINE, T, suffix) \
  DEFINE(T, suffix, 16) DEFINE(T, suffix, 32) DEFINE(T, suffix, 64) DEFINE(T, suffix, 128)
