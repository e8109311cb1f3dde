// Gradient of attention in two passes without atomics: one over blocks of queries for dq, one over blocks of keys for dk and dv, so that sums
// are made in one order.
#include "attention.cuh"

// delta[head][row] = dout . out. grid (rows, heads), a warp each.
template <class T>
__device__ void attention_delta(const T* out, int64_t os, const T* dout, int64_t gs, int head_dim, float* delta, int64_t ls) {
  const T* o = out + blockIdx.x * os + blockIdx.y * head_dim;
  const T* d = dout + blockIdx.x * gs + blockIdx.y * head_dim;
  float sum = 0;
  for_columns(head_dim, [&](int c) { sum += to_float(o[c]) * to_float(d[c]); });
  sum = warp_sum(sum);
  if (threadIdx.x == 0) delta[blockIdx.y * ls + blockIdx.x] = sum;
}

// For 16 queries and 8 keys in this lane's layout: p = exp(scale q.k - lse) and ds = scale p (dout.v - delta), 0 where the key is not seen.
template <class T>
__device__ void score_gradients(float p[4], float ds[4], Tile<T> q, Tile<T> k, Tile<T> dout, Tile<T> v, int depth, float scale,
                                const float lse[2], const float delta[2], const bool seen[4]) {
  float s[4] = {0, 0, 0, 0}, dp[4] = {0, 0, 0, 0};
  multiply(s, q, k, depth);
  multiply(dp, dout, v, depth);
#pragma unroll
  for (int i = 0; i < 4; i++) {
    p[i] = seen[i] ? expf(s[i] * scale - lse[i / 2]) : 0;
    ds[i] = p[i] * (dp[i] - delta[i / 2]) * scale;
  }
}

// grid (query blocks of the longest segment, heads, segments); a warp for every 16 queries.
template <class T, int D>
__device__ void attention_backward_q(const T* q, int64_t qs, const T* k, int64_t ks, const T* v, int64_t vs, const T* dout, int64_t gs,
                                     const float* lse, int64_t ls, const float* delta, int64_t des, const int* segments, int group, int head_dim,
                                     float scale, T* dq, int64_t dqs) {
  constexpr int SIZE = Sizes<T>::BACKWARD, ROW = Padded<T, D>::ROW, P_ROW = Padded<T, SIZE>::ROW;
  __shared__ T q_tile[SIZE * ROW];
  __shared__ T g_tile[SIZE * ROW];
  __shared__ T k_tile[SIZE * ROW];
  __shared__ T v_tile[SIZE * ROW];
  __shared__ T s_tile[SIZE * P_ROW];

  Segment segment = Segment::load(segments, blockIdx.z);
  int first = blockIdx.x * SIZE, head = blockIdx.y, kv_head = head / group;
  if (first >= segment.query_count) return;
  int warp = threadIdx.x / WARP, g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
  int end = segment.query_start + segment.query_count;
  load_rows<T, D>(q_tile, q + head * head_dim, qs, segment.query_start + first, SIZE, end, head_dim);
  load_rows<T, D>(g_tile, dout + head * head_dim, gs, segment.query_start + first, SIZE, end, head_dim);
  float row_lse[2], row_delta[2];
#pragma unroll
  for (int r = 0; r < 2; r++) {
    int64_t row = segment.query_start + first + warp * 16 + g + r * 8;
    row_lse[r] = row < end ? lse[head * ls + row] : 0;
    row_delta[r] = row < end ? delta[head * des + row] : 0;
  }
  float acc[D / 8][4];
#pragma unroll
  for (int n = 0; n < D / 8; n++) acc[n][0] = acc[n][1] = acc[n][2] = acc[n][3] = 0;
  int last_query = first + SIZE < segment.query_count ? first + SIZE : segment.query_count;

  for (int range = 0; range < 2; range++) {
    int from = range == 0 ? segment.prefix_start : segment.key_start;
    int to = range == 0 ? from + segment.prefix_length : from + segment.causal_offset + last_query;
    for (int key = from; key < to; key += SIZE) {
      __syncthreads();
      load_rows<T, D>(k_tile, k + kv_head * head_dim, ks, key, SIZE, to, head_dim);
      load_rows<T, D>(v_tile, v + kv_head * head_dim, vs, key, SIZE, to, head_dim);
      __syncthreads();
#pragma unroll
      for (int n = 0; n < SIZE / 8; n++) {
        bool seen[4];
#pragma unroll
        for (int i = 0; i < 4; i++) {
          int query = first + warp * 16 + g + i / 2 * 8, column = key + n * 8 + 2 * t + i % 2;
          seen[i] = query < segment.query_count && column < to &&
                    (range == 0 || column <= segment.key_start + segment.causal_offset + query);
        }
        float p[4], ds[4];
        score_gradients(p, ds, tile(q_tile + warp * 16 * ROW, ROW), transposed(k_tile + n * 8 * ROW, ROW),
                        tile(g_tile + warp * 16 * ROW, ROW), transposed(v_tile + n * 8 * ROW, ROW), D, scale, row_lse, row_delta, seen);
#pragma unroll
        for (int i = 0; i < 4; i++) s_tile[(warp * 16 + g + i / 2 * 8) * P_ROW + n * 8 + 2 * t + i % 2] = from_float<T>(ds[i]);
      }
      __syncwarp();
#pragma unroll
      for (int n = 0; n < D / 8; n++) multiply(acc[n], tile(s_tile + warp * 16 * P_ROW, P_ROW), tile(k_tile + n * 8, ROW), SIZE);
      __syncwarp();
    }
  }
#pragma unroll
  for (int n = 0; n < D / 8; n++) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      int query = first + warp * 16 + g + i / 2 * 8, column = n * 8 + 2 * t + i % 2;
      if (query < segment.query_count && column < head_dim) {
        dq[(segment.query_start + query) * dqs + head * head_dim + column] = from_float<T>(acc[n][i]);
      }
    }
  }
}

// grid (key blocks, kv heads); a warp for every 16 keys. All queries that see a key, of all segments and of all heads of the group, in order.
template <class T, int D>
__device__ void attention_backward_kv(const T* q, int64_t qs, const T* k, int64_t ks, const T* v, int64_t vs, const T* dout, int64_t gs,
                                      const float* lse, int64_t ls, const float* delta, int64_t des, const int* segments, int segment_count, int group,
                                      int head_dim, float scale, int key_rows, T* dk, int64_t dks, T* dv, int64_t dvs) {
  constexpr int SIZE = Sizes<T>::BACKWARD, ROW = Padded<T, D>::ROW, P_ROW = Padded<T, SIZE>::ROW;
  __shared__ T q_tile[SIZE * ROW];
  __shared__ T g_tile[SIZE * ROW];
  __shared__ T k_tile[SIZE * ROW];
  __shared__ T v_tile[SIZE * ROW];
  __shared__ T p_tile[SIZE * P_ROW];
  __shared__ T s_tile[SIZE * P_ROW];

  int first = blockIdx.x * SIZE, kv_head = blockIdx.y;
  int last = first + SIZE < key_rows ? first + SIZE : key_rows;
  int warp = threadIdx.x / WARP, g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
  load_rows<T, D>(k_tile, k + kv_head * head_dim, ks, first, SIZE, key_rows, head_dim);
  load_rows<T, D>(v_tile, v + kv_head * head_dim, vs, first, SIZE, key_rows, head_dim);
  float k_acc[D / 8][4], v_acc[D / 8][4];
#pragma unroll
  for (int n = 0; n < D / 8; n++) {
#pragma unroll
    for (int i = 0; i < 4; i++) k_acc[n][i] = v_acc[n][i] = 0;
  }

  for (int index = 0; index < segment_count; index++) {
    Segment segment = Segment::load(segments, index);
    bool prefix = segment.prefix_start < last && segment.prefix_start + segment.prefix_length > first;
    bool own = segment.key_start < last && segment.key_start + segment.causal_offset + segment.query_count > first;
    if (!prefix && !own) continue;
    int end = segment.query_start + segment.query_count;
    for (int head = kv_head * group; head < (kv_head + 1) * group; head++) {
      for (int block = 0; block < segment.query_count; block += SIZE) {
        __syncthreads();
        load_rows<T, D>(q_tile, q + head * head_dim, qs, segment.query_start + block, SIZE, end, head_dim);
        load_rows<T, D>(g_tile, dout + head * head_dim, gs, segment.query_start + block, SIZE, end, head_dim);
        __syncthreads();
        // Scores with queries as rows: a warp takes 16 queries; then keys as rows: the tiles are read transposed.
        float row_lse[2], row_delta[2];
#pragma unroll
        for (int r = 0; r < 2; r++) {
          int query = block + warp * 16 + g + r * 8;
          bool inside = query < segment.query_count;
          row_lse[r] = inside ? lse[head * ls + segment.query_start + query] : 0;
          row_delta[r] = inside ? delta[head * des + segment.query_start + query] : 0;
        }
#pragma unroll
        for (int n = 0; n < SIZE / 8; n++) {
          bool seen[4];
#pragma unroll
          for (int i = 0; i < 4; i++) {
            int query = block + warp * 16 + g + i / 2 * 8, key = first + n * 8 + 2 * t + i % 2;
            seen[i] = query < segment.query_count && key < key_rows && segment.sees(query, key);
          }
          float p[4], ds[4];
          score_gradients(p, ds, tile(q_tile + warp * 16 * ROW, ROW), transposed(k_tile + n * 8 * ROW, ROW),
                          tile(g_tile + warp * 16 * ROW, ROW), transposed(v_tile + n * 8 * ROW, ROW), D, scale, row_lse, row_delta, seen);
#pragma unroll
          for (int i = 0; i < 4; i++) {
            int at = (warp * 16 + g + i / 2 * 8) * P_ROW + n * 8 + 2 * t + i % 2;
            p_tile[at] = from_float<T>(p[i]);
            s_tile[at] = from_float<T>(ds[i]);
          }
        }
        __syncthreads();
#pragma unroll
        for (int n = 0; n < D / 8; n++) {
          multiply(v_acc[n], transposed(p_tile + warp * 16, P_ROW), tile(g_tile + n * 8, ROW), SIZE);
          multiply(k_acc[n], transposed(s_tile + warp * 16, P_ROW), tile(q_tile + n * 8, ROW), SIZE);
        }
      }
    }
  }
#pragma unroll
  for (int n = 0; n < D / 8; n++) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      int key = first + warp * 16 + g + i / 2 * 8, column = n * 8 + 2 * t + i % 2;
      if (key < key_rows && column < head_dim) {
        dk[key * dks + kv_head * head_dim + column] = from_float<T>(k_acc[n][i]);
        dv[key * dvs + kv_head * head_dim + column] = from_float<T>(v_acc[n][i]);
      }
    }
  }
}

#define DEFINE_DELTA(T, suffix)                                                                                                        \
  extern "C" __global__ void attention_delta_##suffix(const T* out, int64_t os, const T* dout, int64_t gs, int head_dim, float* delta,    \
                                                      int64_t ls) {                                                                    \
    attention_delta(out, os, dout, gs, head_dim, delta, ls);                                                                           \
  }                                                                                                                                    \
  REGISTER_KERNEL(attention_delta_##suffix)
FOR_EACH_TYPE(DEFINE_DELTA)

#define DEFINE(T, suffix, D)                                                                                                           \
  extern "C" __global__ void __launch_bounds__(Sizes<T>::BACKWARD * 2) attention_backward_q_##suffix##_##D(                             \
      const T* q, int64_t qs, const T* k, int64_t ks, const T* v, int64_t vs, const T* dout, int64_t gs, const float* lse, int64_t ls,   \
      const float* delta, int64_t des, const int* segments, int group, int head_dim, float scale, T* dq, int64_t dqs) {                  \
    attention_backward_q<T, D>(q, qs, k, ks, v, vs, dout, gs, lse, ls, delta, des, segments, group, head_dim, scale, dq, dqs);               \
  }                                                                                                                                    \
  REGISTER_KERNEL(attention_backward_q_##suffix##_##D)                                                                                 \
  extern "C" __global__ void __launch_bounds__(Sizes<T>::BACKWARD * 2) attention_backward_kv_##suffix##_##D(                            \
      const T* q, int64_t qs, const T* k, int64_t ks, const T* v, int64_t vs, const T* dout, int64_t gs, const float* lse, int64_t ls,   \
      const float* delta, int64_t des, const int* segments, int segment_count, int group, int head_dim, float scale, int key_rows, T* dk,   \
      int64_t dks, T* dv, int64_t dvs) {                                                                                               \
    attention_backward_kv<T, D>(q, qs, k, ks, v, vs, dout, gs, lse, ls, delta, des, segments, segment_count, group, head_dim, scale,         \
                                key_rows, dk, dks, dv, dvs);                                                                           \
  }                                                                                                                                    \
  REGISTER_KERNEL(attention_backward_kv_##suffix##_##D)
FOR_EACH_HEAD_DIM(DEFINE, float, f32)
FOR_EACH_HEAD_DIM(DEFINE, half_t, f16)
FOR_EACH_HEAD_DIM(DEFINE, bf16_t, bf16)
