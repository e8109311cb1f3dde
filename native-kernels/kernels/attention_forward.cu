// Causal grouped-query attention over packed sequences, shared prefixes and K/V caches, in fp16 and bf16.
#include "attention.cuh"

constexpr int KEYS = 32;

// What a warp knows of its 16 queries: their operands, the outputs and, of this lane's two rows, maximum (of base-2 exponents) and sum of exponentials
// over the keys so far.
template <class T, int D> struct Queries {
  static constexpr int ROW = Padded<T, D>::ROW;
  uint32_t q[D / 16][4];
  float acc[D / 8][4];
  float largest[2], sum[2];

  __device__ void start(const T* q_tile) {
#pragma unroll
    for (int k = 0; k < D / 16; k++) load_a<ROW>(q[k], q_tile + k * 16);
#pragma unroll
    for (int n = 0; n < D / 8; n++) acc[n][0] = acc[n][1] = acc[n][2] = acc[n][3] = 0;
    largest[0] = largest[1] = -INFINITY;
    sum[0] = sum[1] = 0;
  }

  // MASKED: of the tile's keys, `seen` of this lane's rows and no more than `blocks` times 16 of any row count.
  template <bool MASKED> __device__ void meet(const T* k_tile, const T* v_tile, float scale, const int seen[2], int blocks) {
    int t = threadIdx.x % 4;
    float s[KEYS / 8][4];
#pragma unroll
    for (int n = 0; n < KEYS / 8; n++) s[n][0] = s[n][1] = s[n][2] = s[n][3] = 0;
#pragma unroll
    for (int k = 0; k < D / 16; k++) {
#pragma unroll
      for (int n = 0; n < KEYS / 16; n++) {
        if (MASKED && n >= blocks) continue;
        uint32_t keys[4];
        load_b_of_rows<ROW>(keys, k_tile + n * 16 * ROW + k * 16);
        multiply_add<T>(s + 2 * n, q[k], keys);
      }
    }
    float tile_largest[2] = {-INFINITY, -INFINITY};
#pragma unroll
    for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        s[n][i] *= scale;
        if (MASKED && n * 8 + 2 * t + i % 2 >= seen[i / 2]) s[n][i] = -INFINITY;
        tile_largest[i / 2] = fmaxf(tile_largest[i / 2], s[n][i]);
      }
    }
    float rescale[2], offset[2];
    meet_maxima(largest, sum, tile_largest, offset, rescale, [](float x) { return exp2_approximate(x); });
#pragma unroll
    for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        s[n][i] = exp2_approximate(s[n][i] - offset[i / 2]);
        sum[i / 2] += s[n][i];
      }
    }
#pragma unroll
    for (int n = 0; n < D / 8; n++) {
#pragma unroll
      for (int i = 0; i < 4; i++) acc[n][i] *= rescale[i / 2];
    }
#pragma unroll
    for (int k = 0; k < KEYS / 16; k++) {
      if (MASKED && k >= blocks) continue;
      uint32_t p[4];
      pack_a<T>(p, s + 2 * k);
#pragma unroll
      for (int n = 0; n < D / 16; n++) {
        uint32_t values[4];
        load_b<ROW>(values, v_tile + k * 16 * ROW + n * 16);
        multiply_add<T>(acc + 2 * n, p, values);
      }
    }
  }
};

// grid (heads, query blocks of the longest segment, segments); a warp for every 16 queries.
template <class T, int D>
__device__ void attention_forward(const T* q, int64_t qs, const T* k, int64_t ks, const T* v, int64_t vs, const int* segments, int group,
                                  int head_dim, float scale, T* out, int64_t os, float* lse, int64_t ls) {
  constexpr int ROW = Padded<T, D>::ROW, TILE = KEYS * ROW;
  static_assert(ROWS == 2 * KEYS, "queries are staged where the second pair of tiles will be");
  alignas(16) __shared__ T tiles[4 * TILE];

  Segment segment = Segment::load(segments, blockIdx.z);
  // The last queries see most keys: they begin first, those of all heads.
  int first = (gridDim.y - 1 - blockIdx.y) * ROWS, head = blockIdx.x, kv_head = head / group;
  if (first >= segment.query_count) return;
  int last_query = first + ROWS < segment.query_count ? first + ROWS : segment.query_count;
  Head<const T> q_head(q, qs, head, head_dim);
  KeyStages<KEYS, D, T> stages{tiles, KeyTiles<KEYS>(segment, last_query), Head<const T>(k, ks, kv_head, head_dim),
                               Head<const T>(v, vs, kv_head, head_dim)};
  copy_rows<ROWS, D, THREADS>(tiles + 2 * TILE, q_head, segment.query_start + first, segment.query_start + last_query);
  stages.begin(0);
  wait_for_copies();
  __syncthreads();
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4;
  int own = first + warp * 16;
  Queries<T, D> queries;
  queries.start(tiles + 2 * TILE + warp * 16 * ROW);
  stages.show(queries, scale * LOG2_E, own, last_query);
#pragma unroll
  for (int r = 0; r < 2; r++) {
    float sum = row_sum(queries.sum[r]), inverse = 1 / sum;
    int query = own + g + r * 8;
    if (query < last_query && lane % 4 == 0) lse[head * ls + segment.query_start + query] = (queries.largest[r] + log2f(sum)) * LN_2;
#pragma unroll
    for (int n = 0; n < D / 8; n++) {
      queries.acc[n][2 * r] *= inverse;
      queries.acc[n][2 * r + 1] *= inverse;
    }
  }
  __syncthreads();
  store_rows<D>(tiles + warp * 16 * ROW, queries.acc, Head<T>(out, os, head, head_dim), segment.query_start + own, last_query - own);
}

#define DEFINE(T, suffix, D)                                                                                                            \
  extern "C" __global__ void __launch_bounds__(THREADS) attention_forward_##suffix##_##D(                                               \
      const T* q, int64_t qs, const T* k, int64_t ks, const T* v, int64_t vs, const int* segments, int group, int head_dim, float scale,  \
      T* out, int64_t os, float* lse, int64_t ls) {                                                                                    \
    attention_forward<T, D>(q, qs, k, ks, v, vs, segments, group, head_dim, scale, out, os, lse, ls);                                    \
  }                                                                                                                                     \
  REGISTER_KERNEL(attention_forward_##suffix##_##D)
FOR_EACH_HEAD_DIM(DEFINE, half_t, f16)
FOR_EACH_HEAD_DIM(DEFINE, bf16_t, bf16)
