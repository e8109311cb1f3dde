// What attention's forward and backward kernels share. Blocks of queries meet tiles of keys; scores exist for one tile at a time (Dao,
// "FlashAttention-2", arXiv 2307.08691). Layout of segments: backend/AttentionLayout.java.
#pragma once
#include "fragments.cuh"

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

  // Whether each of `queries` queries from `query` on sees each of `keys` keys from `key` on: the last key of the first query is enough.
  __device__ bool all_see_all(int query, int key, int queries, int keys) const {
    if (query + queries > query_count) return false;
    bool own = key >= key_start && key + keys - 1 <= key_start + causal_offset + query;
    return own || (key >= prefix_start && key + keys <= prefix_start + prefix_length);
  }

  // Whether one of the queries before `query` can see one of `keys` keys from `key` on.
  __device__ bool any_sees_any(int query, int key, int keys) const {
    bool own = key + keys > key_start && key < key_start + causal_offset + query;
    return own || (prefix_length > 0 && key + keys > prefix_start && key < prefix_start + prefix_length);
  }
};

// The tiles of SIZE keys that queries before `last_query` of a segment see: first the prefix's, then the segment's own up to the diagonal.
template <int SIZE> struct KeyTiles {
  Segment segment;
  int prefix_tiles, count, end;

  __device__ KeyTiles(const Segment& of, int last_query) : segment(of) {
    int own = segment.causal_offset + last_query;
    prefix_tiles = (segment.prefix_length + SIZE - 1) / SIZE;
    count = prefix_tiles + (own + SIZE - 1) / SIZE;
    end = segment.key_start + own;
  }

  __device__ int first(int tile) const {
    return tile < prefix_tiles ? segment.prefix_start + tile * SIZE : segment.key_start + (tile - prefix_tiles) * SIZE;
  }

  __device__ int last(int tile) const { return tile < prefix_tiles ? segment.prefix_start + segment.prefix_length : end; }

  // How many keys of the tile the query sees: these come first.
  __device__ int seen(int tile, int query) const {
    int keys = last(tile) - first(tile);
    if (tile >= prefix_tiles) {
      int own = segment.key_start + segment.causal_offset + query + 1 - first(tile);
      keys = own < keys ? own : keys;
    }
    return keys < SIZE ? keys : SIZE;
  }
};

// The tiles of SIZE queries that may see keys from `first` to before `last`, of all segments and of all heads of a group, in order.
template <int SIZE> struct QueryTiles {
  const int* segments;
  int count, first_key, last_key, first_head, last_head;
  int index = -1, head = 0, block = 0, first_block = 0;
  Segment segment = {};

  __device__ QueryTiles(const int* segments, int count, int first, int last, int first_head, int last_head)
      : segments(segments), count(count), first_key(first), last_key(last), first_head(first_head), last_head(last_head) {
    next_segment();
  }

  __device__ bool is_there() const { return index < count; }

  // All lanes of a warp ask: each tests one of the next 32 segments.
  __device__ void next_segment() {
    for (int start = index + 1; start < count; start += WARP) {
      int mine = start + threadIdx.x % WARP;
      bool sees = false;
      if (mine < count) {
        Segment tested = Segment::load(segments, mine);
        sees = tested.any_sees_any(tested.query_count, first_key, last_key - first_key);
      }
      uint32_t seeing = __ballot_sync(0xffffffffu, sees);
      if (seeing == 0) continue;
      index = start + __ffs(seeing) - 1;
      segment = Segment::load(segments, index);
      bool prefix = segment.prefix_length > 0 && segment.prefix_start < last_key && segment.prefix_start + segment.prefix_length > first_key;
      // Queries above the diagonal see none of the keys.
      int hidden = first_key - segment.key_start - segment.causal_offset;
      first_block = prefix || hidden < 0 ? 0 : hidden / SIZE * SIZE;
      block = first_block;
      head = first_head;
      return;
    }
    index = count;
  }

  __device__ void advance() {
    block += SIZE;
    if (block < segment.query_count) return;
    block = first_block;
    if (++head == last_head) next_segment();
  }
};

// Rows of a tile in shared memory are 16 bytes apart from a multiple of 32, so that columns spread over the banks.
template <class T, int D> struct Padded {
  static constexpr int ROW = D + 16 / sizeof(T);
};

// The columns of one head in a matrix of several.
template <class T> struct Head {
  T* data;
  int64_t stride;
  int columns;

  __device__ Head(T* matrix, int64_t stride, int head, int head_dim) : data(matrix + head * head_dim), stride(stride), columns(head_dim) {}

  // Whether all rows consist of whole, aligned chunks.
  __device__ bool in_chunks() const {
    constexpr int SIZE = Chunk<T>::SIZE;
    return is_aligned(data) && stride % SIZE == 0 && columns % SIZE == 0;
  }
};

// Begins to copy COUNT rows of a head from row `first` on into a tile, zeros from row `last` on and beyond head_dim. They are there after
// wait_for_copies and a barrier. THREADS is the size of the block.
template <int COUNT, int D, int THREADS, class T> __device__ inline void copy_rows(T* tile, const Head<const T>& head, int first, int last) {
  constexpr int SIZE = Chunk<T>::SIZE, CHUNKS = D / SIZE, ROW = Padded<T, D>::ROW;
  if (head.in_chunks()) {
#pragma unroll
    for (int start = 0; start < COUNT * CHUNKS; start += THREADS) {
      int i = start + threadIdx.x, row = first + i / CHUNKS, column = i % CHUNKS * SIZE;
      if (COUNT * CHUNKS % THREADS != 0 && i >= COUNT * CHUNKS) break;
      bool inside = row < last && column < head.columns;
      copy_async<16>(tile + i / CHUNKS * ROW + column, inside ? head.data + row * head.stride + column : head.data, inside);
    }
  } else {
#pragma unroll 1
    for (int i = threadIdx.x; i < COUNT * D; i += THREADS) {
      int row = first + i / D, column = i % D;
      bool inside = row < last && column < head.columns;
      tile[i / D * ROW + column] = inside ? head.data[row * head.stride + column] : from_float<T>(0);
    }
  }
}

// Writes a warp's 16 rows of results, of which `rows` exist, from row `first` on. The tile is room for 16 rows that no other warp uses any more.
template <int D, class T> __device__ inline void store_rows(T* tile, const float (*acc)[4], const Head<T>& head, int first, int rows) {
  constexpr int SIZE = Chunk<T>::SIZE, CHUNKS = D / SIZE, ROW = Padded<T, D>::ROW;
  int lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
#pragma unroll
  for (int n = 0; n < D / 8; n++) {
#pragma unroll
    for (int r = 0; r < 2; r++) {
      uint32_t both = pack<T>(acc[n][2 * r], acc[n][2 * r + 1]);
      *reinterpret_cast<uint32_t*>(tile + (g + r * 8) * ROW + n * 8 + 2 * t) = both;
    }
  }
  __syncwarp();
  for (int i = lane; i < 16 * CHUNKS; i += WARP) {
    int row = i / CHUNKS, column = i % CHUNKS * SIZE, left = head.columns - column;
    if (row < rows && left > 0) {
      store_chunk(head.data + (first + row) * head.stride, column, left < SIZE ? left : SIZE,
                  *reinterpret_cast<const Chunk<T>*>(tile + row * ROW + column));
    }
  }
  __syncwarp();
}

// Which rows were rotated how (activations.cu's rope), for heads as wide as a tile: then a lane has both halves of a pair. Without positions none was.
struct Rotation {
  const int* positions;
  const float *cos, *sin;
  int64_t stride;

  // Rotates the sums of a warp's 16 rows back, of which `rows` exist, from row `first` on.
  template <int D> __device__ void undo(float (*acc)[4], int first, int rows) const {
    if (positions == nullptr) return;
    int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
#pragma unroll
    for (int r = 0; r < 2; r++) {
      if (g + r * 8 >= rows) continue;
      int64_t row = positions[first + g + r * 8] * stride;
#pragma unroll
      for (int n = 0; n < D / 16; n++) {
        float c[2], s[2];
        load_floats(c, cos + row, n * 8 + 2 * t, 2);
        load_floats(s, sin + row, n * 8 + 2 * t, 2);
#pragma unroll
        for (int i = 0; i < 2; i++) {
          float &low = acc[n][2 * r + i], &high = acc[n + D / 16][2 * r + i];
          float of_low = low * c[i] + high * s[i];
          high = high * c[i] - low * s[i];
          low = of_low;
        }
      }
    }
  }
};

// Of a softmax over tiles of scores, for this lane's two rows: takes a tile's maxima into account. Returns what to subtract from the tile's scores
// in `offset`, what to multiply by what came of earlier tiles in `rescale`.
template <class Exp>
__device__ inline void meet_maxima(float largest[2], float sum[2], const float tile_largest[2], float offset[2], float rescale[2], Exp exponential) {
#pragma unroll
  for (int r = 0; r < 2; r++) {
    float now = fmaxf(largest[r], row_max(tile_largest[r]));
    // A row that has seen no key yet stays at -infinity; -inf - -inf must not make NaN of it.
    offset[r] = now == -INFINITY ? 0 : now;
    rescale[r] = exponential(largest[r] - offset[r]);
    largest[r] = now;
    sum[r] *= rescale[r];
  }
}

// Kernels are instantiated for padded head dimensions.
#define FOR_EACH_HEAD_DIM(DEFINE, T, suffix) \
  DEFINE(T, suffix, 16) DEFINE(T, suffix, 32) DEFINE(T, suffix, 64) DEFINE(T, suffix, 128)

// Half types: a block of 64 rows, a warp for every 16 of them.
constexpr int ROWS = 64, THREADS = 2 * ROWS;
constexpr float LOG2_E = 1.44269504088896340736f, LN_2 = 0.69314718055994530942f;

// Two pairs of tiles of KEYS keys and values: while one is met, the next one arrives.
template <int KEYS, int D, class T> struct KeyStages {
  static constexpr int TILE = KEYS * Padded<T, D>::ROW;
  T* tiles;
  KeyTiles<KEYS> keys;
  Head<const T> k_head, v_head;

  __device__ void begin(int tile) const {
    T* target = tiles + tile % 2 * 2 * TILE;
    copy_rows<KEYS, D, THREADS>(target, k_head, keys.first(tile), keys.last(tile));
    copy_rows<KEYS, D, THREADS>(target + TILE, v_head, keys.first(tile), keys.last(tile));
  }

  // Shows all tiles, the first of which has begun, to a warp's 16 queries from `own` on. `last_query` is the end of the block's.
  template <class Queries> __device__ void show(Queries& queries, float scale, int own, int last_query) const {
    int g = threadIdx.x % WARP / 4;
    for (int tile = 0; tile < keys.count; tile++) {
      wait_for_copies();
      // The tile is there, and all have done with the one before, whose place the next one takes.
      __syncthreads();
      if (tile + 1 < keys.count) begin(tile + 1);
      if (own >= last_query) continue;
      const T* k_tile = tiles + tile % 2 * 2 * TILE;
      int at_most = keys.seen(tile, own + 15);
      if (keys.seen(tile, own) == KEYS) {
        queries.template meet<false>(k_tile, k_tile + TILE, scale, nullptr, KEYS / 16);
      } else if (at_most > 0) {
        int seen[2] = {keys.seen(tile, own + g), keys.seen(tile, own + g + 8)};
        queries.template meet<true>(k_tile, k_tile + TILE, scale, seen, (at_most + 15) / 16);
      }
    }
  }
};
