// Gradient of attention in fp16 and bf16, in two passes without atomics: one over blocks of queries for dq, one over blocks of keys for dk and dv, so
// that sums are made in one order.
#include "attention.cuh"

// delta[head][row] = dout . out. grid (rows / warps of a block, heads), a warp a row.
template <class T>
__device__ void attention_delta(const T* out, int64_t os, const T* dout, int64_t gs, int rows, int head_dim, float* delta, int64_t ls) {
  int row = blockIdx.x * (blockDim.x / WARP) + threadIdx.x / WARP, lane = threadIdx.x % WARP;
  if (row >= rows) return;
  const T* o = out + row * os + blockIdx.y * head_dim;
  const T* d = dout + row * gs + blockIdx.y * head_dim;
  constexpr int SIZE = Chunk<T>::SIZE;
  float sum = 0;
  for (int first = lane * SIZE; first < head_dim; first += WARP * SIZE) {
    int count = head_dim - first < SIZE ? head_dim - first : SIZE;
    float outs[SIZE], gradients[SIZE];
    load_floats(outs, o, first, count);
    load_floats(gradients, d, first, count);
#pragma unroll
    for (int i = 0; i < SIZE; i++) sum += outs[i] * gradients[i];
  }
  sum = warp_sum(sum);
  if (lane == 0) delta[blockIdx.y * ls + row] = sum;
}

// p = exp(scale q.k - lse) and ds = p (dout.v - delta) of one score; exponents are base 2. The gradients' factor `scale` waits for the sums, which are
// fp32: small gradients are among fp16's subnormal numbers, where a product with it would cost bits.
__device__ inline void score_gradient(float& s, float& dp, float scale, float lse, float delta, bool seen) {
  float p = exp2_approximate(s * (scale * LOG2_E) - lse * LOG2_E);
  s = seen ? p : 0;
  dp = s * (dp - delta);
}

constexpr int KEYS = 32, QUERIES = 16;

// A warp's 16 rows of sums.
template <int D> __device__ inline void multiply_by(float factor, float (*sums)[4]) {
#pragma unroll
  for (int n = 0; n < D / 8; n++) {
#pragma unroll
    for (int i = 0; i < 4; i++) sums[n][i] *= factor;
  }
}

// What a warp knows of its 16 queries: operands, sums of dq / scale, log-sum-exps and deltas of this lane's two rows.
template <class T, int D> struct QueryGradients {
  static constexpr int ROW = Padded<T, D>::ROW;
  uint32_t q[D / 16][4], dout[D / 16][4];
  float acc[D / 8][4];
  float lse[2], delta[2];

  __device__ void start(const T* q_tile, const T* dout_tile) {
#pragma unroll
    for (int k = 0; k < D / 16; k++) {
      load_a<ROW>(q[k], q_tile + k * 16);
      load_a<ROW>(dout[k], dout_tile + k * 16);
    }
#pragma unroll
    for (int n = 0; n < D / 8; n++) acc[n][0] = acc[n][1] = acc[n][2] = acc[n][3] = 0;
  }

  // MASKED: of the tile's keys, `seen` of this lane's rows and no more than `blocks` times 16 of any row count.
  template <bool MASKED> __device__ void meet(const T* k_tile, const T* v_tile, float scale, const int seen[2], int blocks) {
    int t = threadIdx.x % 4;
#pragma unroll
    for (int block = 0; block < KEYS / 16; block++) {
      if (MASKED && block >= blocks) continue;
      const T* k_rows = k_tile + block * 16 * ROW;
      const T* v_rows = v_tile + block * 16 * ROW;
      float s[2][4] = {}, ds[2][4] = {};
#pragma unroll
      for (int k = 0; k < D / 16; k++) {
        uint32_t keys[4], values[4];
        load_b_of_rows<ROW>(keys, k_rows + k * 16);
        multiply_add<T>(s, q[k], keys);
        load_b_of_rows<ROW>(values, v_rows + k * 16);
        multiply_add<T>(ds, dout[k], values);
      }
#pragma unroll
      for (int n = 0; n < 2; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
          bool is_seen = !MASKED || block * 16 + n * 8 + 2 * t + i % 2 < seen[i / 2];
          score_gradient(s[n][i], ds[n][i], scale, lse[i / 2], delta[i / 2], is_seen);
        }
      }
      uint32_t a[4];
      pack_a<T>(a, ds);
#pragma unroll
      for (int n = 0; n < D / 16; n++) {
        uint32_t keys[4];
        load_b<ROW>(keys, k_rows + n * 16);
        multiply_add<T>(acc + 2 * n, a, keys);
      }
    }
  }
};

// grid (heads, query blocks of the longest segment, segments); a warp for every 16 queries.
template <class T, int D>
__device__ void attention_backward_q(const T* q, int64_t qs, const T* k, int64_t ks, const T* v, int64_t vs, const T* dout, int64_t gs,
                                     const float* lse, int64_t ls, const float* delta, int64_t des, const int* segments, int group, int head_dim,
                                     float scale, T* dq, int64_t dqs, Rotation rotation) {
  constexpr int ROW = Padded<T, D>::ROW, TILE = KEYS * ROW;
  static_assert(ROWS == 2 * KEYS, "queries and output gradients are staged where two pairs of tiles will be");
  alignas(16) __shared__ T tiles[4 * TILE];

  Segment segment = Segment::load(segments, blockIdx.z);
  // The last queries see most keys: they begin first, those of all heads.
  int first = (gridDim.y - 1 - blockIdx.y) * ROWS, head = blockIdx.x, kv_head = head / group;
  if (first >= segment.query_count) return;
  int last_query = first + ROWS < segment.query_count ? first + ROWS : segment.query_count;
  Head<const T> q_head(q, qs, head, head_dim), g_head(dout, gs, head, head_dim);
  KeyStages<KEYS, D, T> stages{tiles, KeyTiles<KEYS>(segment, last_query), Head<const T>(k, ks, kv_head, head_dim),
                               Head<const T>(v, vs, kv_head, head_dim)};
  copy_rows<ROWS, D, THREADS>(tiles, q_head, segment.query_start + first, segment.query_start + last_query);
  copy_rows<ROWS, D, THREADS>(tiles + 2 * TILE, g_head, segment.query_start + first, segment.query_start + last_query);
  int warp = threadIdx.x / WARP, g = threadIdx.x % WARP / 4;
  int own = first + warp * 16;
  QueryGradients<T, D> queries;
#pragma unroll
  for (int r = 0; r < 2; r++) {
    int query = own + g + r * 8;
    int64_t row = segment.query_start + query;
    queries.lse[r] = query < last_query ? lse[head * ls + row] : 0;
    queries.delta[r] = query < last_query ? delta[head * des + row] : 0;
  }
  wait_for_copies();
  __syncthreads();
  queries.start(tiles + warp * 16 * ROW, tiles + 2 * TILE + warp * 16 * ROW);
  __syncthreads();
  stages.begin(0);
  stages.show(queries, scale, own, last_query);
  wait_for_copies();
  __syncthreads();
  multiply_by<D>(scale, queries.acc);
  rotation.undo<D>(queries.acc, segment.query_start + own, last_query - own);
  store_rows<D>(tiles + warp * 16 * ROW, queries.acc, Head<T>(dq, dqs, head, head_dim), segment.query_start + own, last_query - own);
}

// What a warp knows of its 16 keys: operands, sums of dk / scale and dv. Scores have keys as rows and queries as columns.
template <class T, int D> struct KeyGradients {
  static constexpr int ROW = Padded<T, D>::ROW;
  uint32_t k[D / 16][4];
  float dk[D / 8][4], dv[D / 8][4];

  __device__ void start(const T* k_tile) {
#pragma unroll
    for (int i = 0; i < D / 16; i++) load_a<ROW>(k[i], k_tile + i * 16);
#pragma unroll
    for (int n = 0; n < D / 8; n++) {
#pragma unroll
      for (int i = 0; i < 4; i++) dk[n][i] = dv[n][i] = 0;
    }
  }

  // `key` is the row of the lane's first key; a tile's first query is tiles.block.
  template <bool MASKED>
  __device__ void meet(const T* v_rows, const T* q_tile, const T* g_tile, const float* lse, const float* delta, float scale,
                       const QueryTiles<QUERIES>& tiles, int key, int key_rows) {
    int t = threadIdx.x % 4;
    float p[2][4] = {}, ds[2][4] = {};
#pragma unroll
    for (int i = 0; i < D / 16; i++) {
      uint32_t queries[4], gradients[4], values[4];
      load_b_of_rows<ROW>(queries, q_tile + i * 16);
      multiply_add<T>(p, k[i], queries);
      load_a<ROW>(values, v_rows + i * 16);
      load_b_of_rows<ROW>(gradients, g_tile + i * 16);
      multiply_add<T>(ds, values, gradients);
    }
#pragma unroll
    for (int n = 0; n < 2; n++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        int column = n * 8 + 2 * t + i % 2, query = tiles.block + column, of_key = key + i / 2 * 8;
        bool seen = !MASKED || (query < tiles.segment.query_count && of_key < key_rows && tiles.segment.sees(query, of_key));
        score_gradient(p[n][i], ds[n][i], scale, lse[column], delta[column], seen);
      }
    }
    uint32_t a[4], of_ds[4];
    pack_a<T>(a, p);
    pack_a<T>(of_ds, ds);
#pragma unroll
    for (int n = 0; n < D / 16; n++) {
      uint32_t gradients[4], queries[4];
      load_b<ROW>(gradients, g_tile + n * 16);
      multiply_add<T>(dv + 2 * n, a, gradients);
      load_b<ROW>(queries, q_tile + n * 16);
      multiply_add<T>(dk + 2 * n, of_ds, queries);
    }
  }
};

// grid (kv heads, key blocks); a warp for every 16 keys. While a tile of queries is met, the next one arrives. Keys of a shared prefix meet the queries
// of all sequences behind it, so that their blocks take longest; they come before those sequences' own, and blocks of all heads begin with them.
template <class T, int D>
__device__ void attention_backward_kv(const T* q, int64_t qs, const T* k, int64_t ks, const T* v, int64_t vs, const T* dout, int64_t gs,
                                      const float* lse, int64_t ls, const float* delta, int64_t des, const int* segments, int segment_count, int group,
                                      int head_dim, float scale, int key_rows, T* dk, int64_t dks, T* dv, int64_t dvs,
                                      Rotation rotation) {
  constexpr int ROW = Padded<T, D>::ROW, TILE = QUERIES * ROW;
  static_assert(ROWS == 4 * QUERIES, "keys are staged where two pairs of tiles will be");
  alignas(16) __shared__ T tiles[4 * TILE];
  alignas(16) __shared__ T v_tile[ROWS * ROW];
  // Log-sum-exps and deltas of the tiles' queries.
  __shared__ float statistics[2][2 * QUERIES];

  int first = blockIdx.y * ROWS, kv_head = blockIdx.x;
  int last = first + ROWS < key_rows ? first + ROWS : key_rows;
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
  int own = first + warp * 16;
  copy_rows<ROWS, D, THREADS>(tiles, Head<const T>(k, ks, kv_head, head_dim), first, key_rows);
  copy_rows<ROWS, D, THREADS>(v_tile, Head<const T>(v, vs, kv_head, head_dim), first, key_rows);
  wait_for_copies();
  __syncthreads();
  KeyGradients<T, D> keys;
  keys.start(tiles + warp * 16 * ROW);
  __syncthreads();

  auto begin = [&](const QueryTiles<QUERIES>& of, int stage) {
    int row = of.segment.query_start + of.block, end = of.segment.query_start + of.segment.query_count;
    T* target = tiles + stage * 2 * TILE;
    copy_rows<QUERIES, D, THREADS>(target, Head<const T>(q, qs, of.head, head_dim), row, end);
    copy_rows<QUERIES, D, THREADS>(target + TILE, Head<const T>(dout, gs, of.head, head_dim), row, end);
    if (threadIdx.x < 2 * QUERIES) {
      int query = row + threadIdx.x % QUERIES;
      const float* source = threadIdx.x < QUERIES ? lse + of.head * ls : delta + of.head * des;
      copy_async<4>(&statistics[stage][threadIdx.x], query < end ? source + query : source, query < end);
    }
  };
  QueryTiles<QUERIES> now(segments, segment_count, first, last, kv_head * group, (kv_head + 1) * group);
  if (now.is_there()) begin(now, 0);
  for (int stage = 0; now.is_there(); stage = 1 - stage) {
    QueryTiles<QUERIES> next = now;
    next.advance();
    wait_for_copies();
    // The tile is there, and all have done with the one before, whose place the next one takes.
    __syncthreads();
    if (next.is_there()) begin(next, 1 - stage);
    const T* q_tile = tiles + stage * 2 * TILE;
    const T* v_rows = v_tile + warp * 16 * ROW;
    const float* lse_tile = statistics[stage];
    int key = own + lane / 4;
    if (own + 16 <= key_rows && now.segment.all_see_all(now.block, own, QUERIES, 16)) {
      keys.template meet<false>(v_rows, q_tile, q_tile + TILE, lse_tile, lse_tile + QUERIES, scale, now, key, key_rows);
    } else if (own < key_rows && now.segment.any_sees_any(now.block + QUERIES, own, 16)) {
      keys.template meet<true>(v_rows, q_tile, q_tile + TILE, lse_tile, lse_tile + QUERIES, scale, now, key, key_rows);
    }
    now = next;
  }
  __syncthreads();
  T* own_tile = v_tile + warp * 16 * ROW;
  multiply_by<D>(scale, keys.dk);
  rotation.undo<D>(keys.dk, own, key_rows - own);
  store_rows<D>(own_tile, keys.dk, Head<T>(dk, dks, kv_head, head_dim), own, key_rows - own);
  store_rows<D>(own_tile, keys.dv, Head<T>(dv, dvs, kv_head, head_dim), own, key_rows - own);
}

#define DEFINE_DELTA(T, suffix)                                                                                                        \
  extern "C" __global__ void attention_delta_##suffix(const T* out, int64_t os, const T* dout, int64_t gs, int rows, int head_dim,        \
                                                      float* delta, int64_t ls) {                                                      \
    attention_delta(out, os, dout, gs, rows, head_dim, delta, ls);                                                                     \
  }                                                                                                                                    \
  REGISTER_KERNEL(attention_delta_##suffix)
FOR_EACH_TYPE(DEFINE_DELTA)

#define DEFINE(T, suffix, D)                                                                                                           \
  extern "C" __global__ void __launch_bounds__(THREADS) attention_backward_q_##suffix##_##D(                                           \
      const T* q, int64_t qs, const T* k, int64_t ks, const T* v, int64_t vs, const T* dout, int64_t gs, const float* lse, int64_t ls,   \
      const float* delta, int64_t des, const int* segments, int group, int head_dim, float scale, T* dq, int64_t dqs,                  \
      const int* positions, const float* cos, const float* sin, int64_t table_stride) {                                                \
    attention_backward_q<T, D>(q, qs, k, ks, v, vs, dout, gs, lse, ls, delta, des, segments, group, head_dim, scale, dq, dqs,          \
                                Rotation{positions, cos, sin, table_stride});                                                          \
  }                                                                                                                                    \
  REGISTER_KERNEL(attention_backward_q_##suffix##_##D)                                                                                 \
  extern "C" __global__ void __launch_bounds__(THREADS) attention_backward_kv_##suffix##_##D(                                          \
      const T* q, int64_t qs, const T* k, int64_t ks, const T* v, int64_t vs, const T* dout, int64_t gs, const float* lse, int64_t ls,   \
      const float* delta, int64_t des, const int* segments, int segment_count, int group, int head_dim, float scale, int key_rows, T* dk,   \
      int64_t dks, T* dv, int64_t dvs, const int* positions, const float* cos, const float* sin, int64_t table_stride) {               \
    attention_backward_kv<T, D>(q, qs, k, ks, v, vs, dout, gs, lse, ls, delta, des, segments, segment_count, group, head_dim, scale,         \
                                key_rows, dk, dks, dv, dvs, Rotation{positions, cos, sin, table_stride});                              \
  }                                                                                                                                    \
  REGISTER_KERNEL(attention_backward_kv_##suffix##_##D)
FOR_EACH_HEAD_DIM(DEFINE, half_t, f16)
FOR_EACH_HEAD_DIM(DEFINE, bf16_t, bf16)
