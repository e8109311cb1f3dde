// Attention and its gradient in fp32, which tensor cores would round: products are plain sums. Otherwise as attention_forward.cu and
// attention_backward.cu.
#include "attention.cuh"
#include "tile.cuh"

// What fits 48 KiB of static shared memory at the largest head dimension.
constexpr int QUERIES = 32, KEYS = 16, SIZE = 16;

// grid (heads, query blocks of the longest segment, segments); a warp for every 16 queries.
template <int D>
__device__ void attention_forward(const float* q, int64_t qs, const float* k, int64_t ks, const float* v, int64_t vs, const int* segments, int group,
                                  int head_dim, float scale, float* out, int64_t os, float* lse, int64_t ls) {
  constexpr int ROW = Padded<float, D>::ROW, P_ROW = Padded<float, KEYS>::ROW;
  alignas(16) __shared__ float q_tile[QUERIES * ROW];
  alignas(16) __shared__ float k_tile[KEYS * ROW];
  alignas(16) __shared__ float v_tile[KEYS * ROW];
  alignas(16) __shared__ float p_tile[QUERIES * P_ROW];

  Segment segment = Segment::load(segments, blockIdx.z);
  int first = blockIdx.y * QUERIES, head = blockIdx.x, kv_head = head / group;
  if (first >= segment.query_count) return;
  int warp = threadIdx.x / WARP, g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
  copy_rows<QUERIES, D, QUERIES * 2>(q_tile, Head<const float>(q, qs, head, head_dim), segment.query_start + first, segment.query_start + segment.query_count);

  float acc[D / 8][4];
#pragma unroll
  for (int n = 0; n < D / 8; n++) acc[n][0] = acc[n][1] = acc[n][2] = acc[n][3] = 0;
  // Of this lane's two rows: running maximum and sum of exponentials.
  float largest[2] = {-INFINITY, -INFINITY}, sum[2] = {0, 0};
  int last_query = first + QUERIES < segment.query_count ? first + QUERIES : segment.query_count;

  KeyTiles<KEYS> keys(segment, last_query);
  for (int index = 0; index < keys.count; index++) {
    int seen[2] = {keys.seen(index, first + warp * 16 + g), keys.seen(index, first + warp * 16 + g + 8)};
    __syncthreads();
    copy_rows<KEYS, D, QUERIES * 2>(k_tile, Head<const float>(k, ks, kv_head, head_dim), keys.first(index), keys.last(index));
    copy_rows<KEYS, D, QUERIES * 2>(v_tile, Head<const float>(v, vs, kv_head, head_dim), keys.first(index), keys.last(index));
    wait_for_copies();
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
        bool is_seen = n * 8 + 2 * t + i % 2 < seen[i / 2];
        s[n][i] = is_seen ? s[n][i] * scale : -INFINITY;
        tile_largest[i / 2] = fmaxf(tile_largest[i / 2], s[n][i]);
      }
    }
    float rescale[2], offset[2];
    meet_maxima(largest, sum, tile_largest, offset, rescale, [](float x) { return expf(x); });
#pragma unroll
    for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        float p = expf(s[n][i] - offset[i / 2]);
        sum[i / 2] += p;
        p_tile[(warp * 16 + g + i / 2 * 8) * P_ROW + n * 8 + 2 * t + i % 2] = p;
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
        if (column < head_dim) out[row * os + head * head_dim + column] = acc[n][2 * r + i] / sum[r];
      }
    }
  }
}

// For 16 queries and 8 keys in this lane's layout: p = exp(scale q.k - lse) and ds = scale p (dout.v - delta), 0 where the key is not seen.
__device__ inline void score_gradients(float p[4], float ds[4], Tile q, Tile k, Tile dout, Tile v, int depth, float scale,
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

// grid (heads, query blocks of the longest segment, segments); a warp for every 16 queries.
template <int D>
__device__ void attention_backward_q(const float* q, int64_t qs, const float* k, int64_t ks, const float* v, int64_t vs, const float* dout, int64_t gs,
                                     const float* lse, int64_t ls, const float* delta, int64_t des, const int* segments, int group, int head_dim,
                                     float scale, float* dq, int64_t dqs, Rotation rotation) {
  constexpr int ROW = Padded<float, D>::ROW, P_ROW = Padded<float, SIZE>::ROW;
  alignas(16) __shared__ float q_tile[SIZE * ROW];
  alignas(16) __shared__ float g_tile[SIZE * ROW];
  alignas(16) __shared__ float k_tile[SIZE * ROW];
  alignas(16) __shared__ float v_tile[SIZE * ROW];
  alignas(16) __shared__ float s_tile[SIZE * P_ROW];

  Segment segment = Segment::load(segments, blockIdx.z);
  int first = blockIdx.y * SIZE, head = blockIdx.x, kv_head = head / group;
  if (first >= segment.query_count) return;
  int warp = threadIdx.x / WARP, g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
  int end = segment.query_start + segment.query_count;
  copy_rows<SIZE, D, SIZE * 2>(q_tile, Head<const float>(q, qs, head, head_dim), segment.query_start + first, end);
  copy_rows<SIZE, D, SIZE * 2>(g_tile, Head<const float>(dout, gs, head, head_dim), segment.query_start + first, end);
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

  KeyTiles<SIZE> keys(segment, last_query);
  for (int index = 0; index < keys.count; index++) {
    int of_row[2] = {keys.seen(index, first + warp * 16 + g), keys.seen(index, first + warp * 16 + g + 8)};
    __syncthreads();
    copy_rows<SIZE, D, SIZE * 2>(k_tile, Head<const float>(k, ks, kv_head, head_dim), keys.first(index), keys.last(index));
    copy_rows<SIZE, D, SIZE * 2>(v_tile, Head<const float>(v, vs, kv_head, head_dim), keys.first(index), keys.last(index));
    wait_for_copies();
    __syncthreads();
#pragma unroll
    for (int n = 0; n < SIZE / 8; n++) {
      bool seen[4];
#pragma unroll
      for (int i = 0; i < 4; i++) {
        seen[i] = n * 8 + 2 * t + i % 2 < of_row[i / 2];
      }
      float p[4], ds[4];
      score_gradients(p, ds, tile(q_tile + warp * 16 * ROW, ROW), transposed(k_tile + n * 8 * ROW, ROW),
                      tile(g_tile + warp * 16 * ROW, ROW), transposed(v_tile + n * 8 * ROW, ROW), D, scale, row_lse, row_delta, seen);
#pragma unroll
      for (int i = 0; i < 4; i++) s_tile[(warp * 16 + g + i / 2 * 8) * P_ROW + n * 8 + 2 * t + i % 2] = ds[i];
    }
    __syncwarp();
#pragma unroll
    for (int n = 0; n < D / 8; n++) multiply(acc[n], tile(s_tile + warp * 16 * P_ROW, P_ROW), tile(k_tile + n * 8, ROW), SIZE);
    __syncwarp();
  }
  rotation.undo<D>(acc, segment.query_start + first + warp * 16, segment.query_count - first - warp * 16);
#pragma unroll
  for (int n = 0; n < D / 8; n++) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      int query = first + warp * 16 + g + i / 2 * 8, column = n * 8 + 2 * t + i % 2;
      if (query < segment.query_count && column < head_dim) {
        dq[(segment.query_start + query) * dqs + head * head_dim + column] = acc[n][i];
      }
    }
  }
}

// grid (kv heads, key blocks); a warp for every 16 keys. All queries that see a key, of all segments and of all heads of the group, in order.
template <int D>
__device__ void attention_backward_kv(const float* q, int64_t qs, const float* k, int64_t ks, const float* v, int64_t vs, const float* dout, int64_t gs,
                                      const float* lse, int64_t ls, const float* delta, int64_t des, const int* segments, int segment_count, int group,
                                      int head_dim, float scale, int key_rows, float* dk, int64_t dks, float* dv, int64_t dvs,
                                      Rotation rotation) {
  constexpr int ROW = Padded<float, D>::ROW, P_ROW = Padded<float, SIZE>::ROW;
  alignas(16) __shared__ float q_tile[SIZE * ROW];
  alignas(16) __shared__ float g_tile[SIZE * ROW];
  alignas(16) __shared__ float k_tile[SIZE * ROW];
  alignas(16) __shared__ float v_tile[SIZE * ROW];
  alignas(16) __shared__ float p_tile[SIZE * P_ROW];
  alignas(16) __shared__ float s_tile[SIZE * P_ROW];

  int first = blockIdx.y * SIZE, kv_head = blockIdx.x;
  int last = first + SIZE < key_rows ? first + SIZE : key_rows;
  int warp = threadIdx.x / WARP, g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
  copy_rows<SIZE, D, SIZE * 2>(k_tile, Head<const float>(k, ks, kv_head, head_dim), first, key_rows);
  copy_rows<SIZE, D, SIZE * 2>(v_tile, Head<const float>(v, vs, kv_head, head_dim), first, key_rows);
  float k_acc[D / 8][4], v_acc[D / 8][4];
#pragma unroll
  for (int n = 0; n < D / 8; n++) {
#pragma unroll
    for (int i = 0; i < 4; i++) k_acc[n][i] = v_acc[n][i] = 0;
  }

  for (QueryTiles<SIZE> tiles(segments, segment_count, first, last, kv_head * group, (kv_head + 1) * group); tiles.is_there(); tiles.advance()) {
    const Segment& segment = tiles.segment;
    int head = tiles.head, block = tiles.block, end = segment.query_start + segment.query_count;
    __syncthreads();
    copy_rows<SIZE, D, SIZE * 2>(q_tile, Head<const float>(q, qs, head, head_dim), segment.query_start + block, end);
    copy_rows<SIZE, D, SIZE * 2>(g_tile, Head<const float>(dout, gs, head, head_dim), segment.query_start + block, end);
    wait_for_copies();
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
        p_tile[at] = p[i];
        s_tile[at] = ds[i];
      }
    }
    __syncthreads();
#pragma unroll
    for (int n = 0; n < D / 8; n++) {
      multiply(v_acc[n], transposed(p_tile + warp * 16, P_ROW), tile(g_tile + n * 8, ROW), SIZE);
      multiply(k_acc[n], transposed(s_tile + warp * 16, P_ROW), tile(q_tile + n * 8, ROW), SIZE);
    }
  }
  // Of keys that no query sees, which have had no turn of the loop: a block must not end while bytes are still on their way to its tiles.
  wait_for_copies();
  rotation.undo<D>(k_acc, first + warp * 16, key_rows - first - warp * 16);
#pragma unroll
  for (int n = 0; n < D / 8; n++) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      int key = first + warp * 16 + g + i / 2 * 8, column = n * 8 + 2 * t + i % 2;
      if (key < key_rows && column < head_dim) {
        dk[key * dks + kv_head * head_dim + column] = k_acc[n][i];
        dv[key * dvs + kv_head * head_dim + column] = v_acc[n][i];
      }
    }
  }
}

#define DEFINE(T, suffix, D)                                                                                                           \
  extern "C" __global__ void __launch_bounds__(QUERIES * 2) attention_forward_##suffix##_##D(                                           \
      const T* q, int64_t qs, const T* k, int64_t ks, const T* v, int64_t vs, const int* segments, int group, int head_dim, float scale, \
      T* out, int64_t os, float* lse, int64_t ls) {                                                                                    \
    attention_forward<D>(q, qs, k, ks, v, vs, segments, group, head_dim, scale, out, os, lse, ls);                                       \
  }                                                                                                                                    \
  REGISTER_KERNEL(attention_forward_##suffix##_##D)                                                                                    \
  extern "C" __global__ void __launch_bounds__(SIZE * 2) attention_backward_q_##suffix##_##D(                                           \
      const T* q, int64_t qs, const T* k, int64_t ks, const T* v, int64_t vs, const T* dout, int64_t gs, const float* lse, int64_t ls,   \
      const float* delta, int64_t des, const int* segments, int group, int head_dim, float scale, T* dq, int64_t dqs,                  \
      const int* positions, const float* cos, const float* sin, int64_t table_stride) {                                                \
    attention_backward_q<D>(q, qs, k, ks, v, vs, dout, gs, lse, ls, delta, des, segments, group, head_dim, scale, dq, dqs,             \
                                Rotation{positions, cos, sin, table_stride});                                                          \
  }                                                                                                                                    \
  REGISTER_KERNEL(attention_backward_q_##suffix##_##D)                                                                                 \
  extern "C" __global__ void __launch_bounds__(SIZE * 2) attention_backward_kv_##suffix##_##D(                                          \
      const T* q, int64_t qs, const T* k, int64_t ks, const T* v, int64_t vs, const T* dout, int64_t gs, const float* lse, int64_t ls,   \
      const float* delta, int64_t des, const int* segments, int segment_count, int group, int head_dim, float scale, int key_rows, T* dk, \
      int64_t dks, T* dv, int64_t dvs, const int* positions, const float* cos, const float* sin, int64_t table_stride) {               \
    attention_backward_kv<D>(q, qs, k, ks, v, vs, dout, gs, lse, ls, delta, des, segments, segment_count, group, head_dim, scale,        \
                             key_rows, dk, dks, dv, dvs, Rotation{positions, cos, sin, table_stride});                                 \
  }                                                                                                                                    \
  REGISTER_KERNEL(attention_backward_kv_##suffix##_##D)
FOR_EACH_HEAD_DIM(DEFINE, float, f32)
