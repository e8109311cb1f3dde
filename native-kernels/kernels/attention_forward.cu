// Causal grouped-query attention over packed sequences, shared prefixes and K/V caches.
#include "attention.cuh"

// grid (query blocks of the longest segment, heads, segments); a warp for every 16 queries.
template <class T, int D>
__device__ void attention_forward(const T* q, int64_t qs, const T* k, int64_t ks, const T* v, int64_t vs, const int* segments, int group,
                                  int head_dim, float scale, T* out, int64_t os, float* lse, int64_t ls) {
  constexpr int QUERIES = Sizes<T>::QUERIES, KEYS = Sizes<T>::KEYS, ROW = Padded<T, D>::ROW, P_ROW = Padded<T, KEYS>::ROW;
  __shared__ T q_tile[QUERIES * ROW];
  __shared__ T k_tile[KEYS * ROW];
  __shared__ T v_tile[KEYS * ROW];
  __shared__ T p_tile[QUERIES * P_ROW];

  Segment segment = Segment::load(segments, blockIdx.z);
  int first = blockIdx.x * QUERIES, head = blockIdx.y, kv_head = head / group;
  if (first >= segment.query_count) return;
  int warp = threadIdx.x / WARP, g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
  load_rows<T, D>(q_tile, q + head * head_dim, qs, segment.query_start + first, QUERIES, segment.query_start + segment.query_count, head_dim);

  float acc[D / 8][4];
#pragma unroll
  for (int n = 0; n < D / 8; n++) acc[n][0] = acc[n][1] = acc[n][2] = acc[n][3] = 0;
  // Of this lane's two rows: running maximum and sum of exponentials.
  float largest[2] = {-INFINITY, -INFINITY}, sum[2] = {0, 0};
  int last_query = first + QUERIES < segment.query_count ? first + QUERIES : segment.query_count;

  for (int range = 0; range < 2; range++) {
    int from = range == 0 ? segment.prefix_start : segment.key_start;
    int to = range == 0 ? from + segment.prefix_length : from + segment.causal_offset + last_query;
    for (int key = from; key < to; key += KEYS) {
      __syncthreads();
      load_rows<T, D>(k_tile, k + kv_head * head_dim, ks, key, KEYS, to, head_dim);
      load_rows<T, D>(v_tile, v + kv_head * head_dim, vs, key, KEYS, to, head_dim);
      __syncthreads();
      float s[KEYS / 8][4];
#pragma unroll
      for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) s[n][i] = 0;
        multiply(s[n], tile(q_tile + warp * 16 * ROW, ROW), transposed(k_tile + n * 8 * ROW, ROW), D);
      }
      float tile_largest[2] = {-INFINITY, -INFINITY};
#pragma unroll
      for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
          int query = first + warp * 16 + g + i / 2 * 8, column = key + n * 8 + 2 * t + i % 2;
          bool seen = column < to && (range == 0 || column <= segment.key_start + segment.causal_offset + query);
          s[n][i] = seen ? s[n][i] * scale : -INFINITY;
          tile_largest[i / 2] = fmaxf(tile_largest[i / 2], s[n][i]);
        }
      }
      float rescale[2], offset[2];
#pragma unroll
      for (int r = 0; r < 2; r++) {
        float now = fmaxf(largest[r], row_max(tile_largest[r]));
        // A row that has seen no key yet stays at -infinity; exp(-inf - -inf) must not make NaN of it.
        offset[r] = now == -INFINITY ? 0 : now;
        rescale[r] = expf(largest[r] - offset[r]);
        largest[r] = now;
        sum[r] *= rescale[r];
      }
#pragma unroll
      for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
          float p = expf(s[n][i] - offset[i / 2]);
          sum[i / 2] += p;
          p_tile[(warp * 16 + g + i / 2 * 8) * P_ROW + n * 8 + 2 * t + i % 2] = from_float<T>(p);
        }
      }
      // A warp reads only the rows it wrote itself.
      __syncwarp();
#pragma unroll
      for (int n = 0; n < D / 8; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) acc[n][i] *= rescale[i / 2];
        multiply(acc[n], tile(p_tile + warp * 16 * P_ROW, P_ROW), tile(v_tile + n * 8, ROW), KEYS);
      }
    }
  }
#pragma unroll
  for (int r = 0; r < 2; r++) sum[r] = row_sum(sum[r]);
#pragma unroll
  for (int r = 0; r < 2; r++) {
    int query = first + warp * 16 + g + r * 8;
    if (query >= segment.query_count) continue;
    int64_t row = segment.query_start + query;
    if (t == 0) lse[head * ls + row] = largest[r] + logf(sum[r]);
#pragma unroll
    for (int n = 0; n < D / 8; n++) {
#pragma unroll
      for (int i = 0; i < 2; i++) {
        int column = n * 8 + 2 * t + i;
        if (column < head_dim) out[row * os + head * head_dim + column] = from_float<T>(acc[n][2 * r + i] / sum[r]);
      }
    }
  }
}

#define DEFINE(T, suffix, D)                                                                                                            \
  extern "C" __global__ void __launch_bounds__(Sizes<T>::QUERIES * 2) attention_forward_##suffix##_##D(                                  \
      const T* q, int64_t qs, const T* k, int64_t ks, const T* v, int64_t vs, const int* segments, int group, int head_dim, float scale,  \
      T* out, int64_t os, float* lse, int64_t ls) {                                                                                    \
    attention_forward<T, D>(q, qs, k, ks, v, vs, segments, group, head_dim, scale, out, os, lse, ls);                                    \
  }                                                                                                                                     \
  REGISTER_KERNEL(attention_forward_##suffix##_##D)
FOR_EACH_HEAD_DIM(DEFINE, float, f32)
FOR_EACH_HEAD_DIM(DEFINE, half_t, f16)
FOR_EACH_HEAD_DIM(DEFINE, bf16_t, bf16)
