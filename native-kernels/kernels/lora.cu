// LoRA's thin products (Hu et al., arXiv 2106.09685), where r is some tens at most and a general product would be wasteful. Dropout is
// recomputed from its counter wherever it is needed.
#include "fragments.cuh"
#include "tile.cuh"

constexpr int DOWN_ROWS = 16, DOWN_RANKS = 8;
constexpr int DOWN_WARPS = 4;
constexpr int DOWN_DEPTH = 64;

// acc += A B over DOWN_DEPTH columns, where 16 rows of `a` are A's rows and 8 rows of `b` are B's columns.
template <int ROW, class T> __device__ inline void multiply_rows(float acc[4], const T* a, const T* b) {
#pragma unroll
  for (int k = 0; k < DOWN_DEPTH; k += 32) {
    uint32_t of_a[2][4], of_b[4];
    load_deep_b_of_rows<ROW>(of_b, b + k);
    load_a<ROW>(of_a[0], a + k);
    load_a<ROW>(of_a[1], a + k + 16);
    mma(acc, of_a[0], of_b, T());
    mma(acc, of_a[1], of_b + 2, T());
  }
}
template <int ROW> __device__ inline void multiply_rows(float acc[4], const float* a, const float* b) {
  multiply(acc, tile(a, ROW), transposed(b, ROW), DOWN_DEPTH);
}

// A LoRA weight, which the kernels want either way: (rank j, column c) is at data[j * row + c * column], and one of the two distances is 1.
template <class T> struct Weight {
  const T* data;
  int64_t row;
  int64_t column;
  int ranks, columns;

  // The weights of `rank` for N columns, or of N ranks for `column`: N neighbours in memory. What does not exist is 0.
  template <int N> __device__ void load_columns(float (&values)[N], int rank, int first) const {
    load_floats(values, data + rank * row, first, rank < ranks ? columns - first : 0);
  }
  template <int N> __device__ void load_ranks(float (&values)[N], int first, int at) const {
    load_floats(values, data + at * column, first, at < columns ? ranks - first : 0);
  }
};

// u[row][j] = scale * sum over i of dropout(x[row][i]) * w[j][i]. A block makes 16 rows x 8 columns of u; its warps take stretches of the depth in
// turn and their sums are added in order. While a stretch is multiplied, the next one's x arrives in registers.
template <class T>
__device__ void low_rank_down(const T* x, int64_t xs, Weight<T> w, float scale, Dropout dropout, T* u, int64_t us, int rows) {
  constexpr int STRETCH = DOWN_WARPS * DOWN_DEPTH, SIZE = Chunk<T>::SIZE, ROW = STRETCH + SIZE, THREADS = DOWN_WARPS * WARP;
  constexpr int CHUNKS = STRETCH / SIZE, MINE = DOWN_ROWS * CHUNKS / THREADS;
  alignas(16) __shared__ T a[DOWN_ROWS * ROW];
  alignas(16) __shared__ T b[DOWN_RANKS * ROW];
  __shared__ float sums[DOWN_WARPS][DOWN_ROWS][DOWN_RANKS];
  int first_row = blockIdx.x * DOWN_ROWS, first_rank = blockIdx.y * DOWN_RANKS;
  int warp = threadIdx.x / WARP, g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
  bool is_whole = is_aligned(x) && xs % SIZE == 0 && w.columns % SIZE == 0;
  // Words as they lie in memory: values that are taken apart where they are loaded are waited for there.
  Chunk<uint32_t> mine[MINE];
  auto load = [&](int start) {
#pragma unroll
    for (int i = 0; i < MINE; i++) {
      int at = i * THREADS + threadIdx.x, row = first_row + at / CHUNKS, column = start + at % CHUNKS * SIZE;
      int left = row < rows && column < w.columns ? w.columns - column : 0;
      if (is_whole) {
        mine[i] = left > 0 ? *reinterpret_cast<const Chunk<uint32_t>*>(x + row * xs + column) : Chunk<uint32_t>{};
      } else {
        Chunk<T> chunk = load_chunk(x + (left > 0 ? row * xs : 0), column, left < SIZE ? left : SIZE);
        memcpy(&mine[i], &chunk, sizeof chunk);
      }
    }
  };
  float acc[4] = {0, 0, 0, 0};
  load(0);
  for (int start = 0; start < w.columns; start += STRETCH) {
#pragma unroll
    for (int i = 0; i < MINE; i++) {
      int at = i * THREADS + threadIdx.x;
      Chunk<T> chunk;
      memcpy(&chunk, &mine[i], sizeof chunk);
      float values[SIZE];
#pragma unroll
      for (int e = 0; e < SIZE; e++) values[e] = to_float(chunk.values[e]);
      dropout.apply(values, first_row + at / CHUNKS, start + at % CHUNKS * SIZE);
      store_floats(a + at / CHUNKS * ROW, at % CHUNKS * SIZE, SIZE, values);
    }
    if (w.column == 1) {
      for (int at = threadIdx.x; at < DOWN_RANKS * CHUNKS; at += THREADS) {
        float values[SIZE];
        w.load_columns(values, first_rank + at / CHUNKS, start + at % CHUNKS * SIZE);
        store_floats(b + at / CHUNKS * ROW, at % CHUNKS * SIZE, SIZE, values);
      }
    } else {
      for (int column = threadIdx.x; column < STRETCH; column += THREADS) {
        float values[DOWN_RANKS];
        w.load_ranks(values, first_rank, start + column);
#pragma unroll
        for (int j = 0; j < DOWN_RANKS; j++) b[j * ROW + column] = from_float<T>(values[j]);
      }
    }
    __syncthreads();
    if (start + STRETCH < w.columns) load(start + STRETCH);
    multiply_rows<ROW>(acc, a + warp * DOWN_DEPTH, b + warp * DOWN_DEPTH);
    __syncthreads();
  }
  sums[warp][g][2 * t] = acc[0];
  sums[warp][g][2 * t + 1] = acc[1];
  sums[warp][g + 8][2 * t] = acc[2];
  sums[warp][g + 8][2 * t + 1] = acc[3];
  __syncthreads();
  for (int i = threadIdx.x; i < DOWN_ROWS * DOWN_RANKS; i += THREADS) {
    int row = first_row + i / DOWN_RANKS, j = first_rank + i % DOWN_RANKS;
    if (row < rows && j < w.ranks) {
      float total = 0;
      for (int k = 0; k < DOWN_WARPS; k++) total += sums[k][i / DOWN_RANKS][i % DOWN_RANKS];
      u[row * us + j] = from_float<T>(scale * total);
    }
  }
}

// Columns of a thread in the kernels below: they share a call of Philox.
constexpr int COLUMNS = 4;
constexpr int UP_ROWS = 8;
constexpr int LARGEST_PART = 64;

// y[row][c] += dropout-factor * scale * sum over j of u[row][j] * w[j][c]. A block makes 8 rows of four times as many columns as it has threads;
// ranks beyond 64 take several passes over u.
template <class T>
__device__ void low_rank_up(const T* u, int64_t us, Weight<T> w, float scale, Dropout dropout, T* y, int64_t ys, int rows) {
  __shared__ float part[UP_ROWS][LARGEST_PART];
  int first_row = blockIdx.x * UP_ROWS, column = (blockIdx.y * blockDim.x + threadIdx.x) * COLUMNS;
  float sums[UP_ROWS][COLUMNS] = {};
  for (int start = 0; start < w.ranks; start += LARGEST_PART) {
    int ranks = w.ranks - start < LARGEST_PART ? w.ranks - start : LARGEST_PART;
    __syncthreads();
    for (int i = threadIdx.x; i < UP_ROWS * LARGEST_PART; i += blockDim.x) {
      int row = first_row + i / LARGEST_PART, j = i % LARGEST_PART;
      part[i / LARGEST_PART][j] = row < rows && j < ranks ? to_float(u[row * us + start + j]) : 0;
    }
    __syncthreads();
    if (column >= w.columns) continue;
    for (int j = 0; j < ranks; j += 4) {
      float weights[4][COLUMNS];
#pragma unroll
      for (int i = 0; i < 4; i++) {
        if (w.column == 1) {
          w.load_columns(weights[i], start + j + i, column);
        } else {
          float of_ranks[4];
          w.load_ranks(of_ranks, start + j, column + i);
#pragma unroll
          for (int e = 0; e < 4; e++) weights[e][i] = of_ranks[e];
        }
      }
#pragma unroll
      for (int r = 0; r < UP_ROWS; r++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
#pragma unroll
          for (int c = 0; c < COLUMNS; c++) sums[r][c] += part[r][j + i] * weights[i][c];
        }
      }
    }
  }
  if (column >= w.columns) return;
#pragma unroll
  for (int r = 0; r < UP_ROWS; r++) {
    if (first_row + r >= rows) break;
    dropout.apply(sums[r], first_row + r, column);
    float values[COLUMNS];
    T* row = y + (first_row + r) * ys;
    load_floats(values, row, column, w.columns - column);
#pragma unroll
    for (int c = 0; c < COLUMNS; c++) values[c] += scale * sums[r][c];
    store_floats(row, column, w.columns - column, values);
  }
}

constexpr int OUTER_RANKS = 8;

// partials[split][j][c] = sum over the split's rows t of u[t][j] * dropout(x[t][c]), for 8 ranks j a block.
template <class T>
__device__ void low_rank_outer(const T* u, int64_t us, const T* x, int64_t xs, Dropout dropout, float* partials, int rows, int rank,
                               int columns) {
  // Rows that are loaded before the first of them is used: as many as 48 registers hold.
  constexpr int BATCH = Chunk<T>::SIZE;
  constexpr int PIECE = OUTER_RANKS < Chunk<T>::SIZE ? OUTER_RANKS : Chunk<T>::SIZE, PIECES = OUTER_RANKS / PIECE;
  typedef Chunk<T, COLUMNS> XChunk;
  typedef Chunk<T, PIECE> UChunk;
  int column = (blockIdx.x * blockDim.x + threadIdx.x) * COLUMNS, first_rank = blockIdx.y * OUTER_RANKS;
  int stretch = (rows + gridDim.z - 1) / gridDim.z;
  int from = blockIdx.z * stretch, to = from + stretch < rows ? from + stretch : rows;
  if (column >= columns) return;
  float sums[OUTER_RANKS][COLUMNS] = {};
  auto add = [&](const float (&values)[COLUMNS], const float (&of_u)[OUTER_RANKS]) {
#pragma unroll
    for (int j = 0; j < OUTER_RANKS; j++) {
#pragma unroll
      for (int c = 0; c < COLUMNS; c++) sums[j][c] += of_u[j] * values[c];
    }
  };
  // Once for all rows: taken apart behind a test of its own, a row would be waited for before the next one is loaded.
  bool is_whole = columns - column >= COLUMNS && rank - first_rank >= OUTER_RANKS && is_aligned(x, sizeof(XChunk)) && xs % COLUMNS == 0 &&
                  is_aligned(u, sizeof(UChunk)) && us % PIECE == 0;
  if (is_whole) {
    for (int start = from; start < to; start += BATCH) {
      XChunk of_x[BATCH];
      UChunk of_u[BATCH][PIECES];
#pragma unroll
      for (int i = 0; i < BATCH; i++) {
        if (start + i >= to) break;
        of_x[i] = *reinterpret_cast<const XChunk*>(x + (start + i) * xs + column);
#pragma unroll
        for (int p = 0; p < PIECES; p++) of_u[i][p] = *reinterpret_cast<const UChunk*>(u + (start + i) * us + first_rank + p * PIECE);
      }
      // Four bits a row, one row after the other while the loads are under way: side by side, Philox's keys would take 25 registers more.
      uint32_t kept = 0;
      if (dropout.threshold != 0) {
#pragma unroll 1
        for (int i = 0; i < BATCH; i++) kept |= dropout.kept(start + i, column) << i * COLUMNS;
      }
#pragma unroll
      for (int i = 0; i < BATCH; i++) {
        if (start + i >= to) break;
        float values[COLUMNS], factors[OUTER_RANKS];
#pragma unroll
        for (int c = 0; c < COLUMNS; c++) values[c] = to_float(of_x[i].values[c]);
        if (dropout.threshold != 0) {
#pragma unroll
          for (int c = 0; c < COLUMNS; c++) values[c] *= kept >> (i * COLUMNS + c) & 1 ? dropout.keep_scale : 0;
        }
#pragma unroll
        for (int j = 0; j < OUTER_RANKS; j++) factors[j] = to_float(of_u[i][j / PIECE].values[j % PIECE]);
        add(values, factors);
      }
    }
  } else {
    for (int row = from; row < to; row++) {
      float values[COLUMNS], factors[OUTER_RANKS];
      load_floats(values, x + row * xs, column, columns - column);
      load_floats(factors, u + row * us, first_rank, rank - first_rank);
      dropout.apply(values, row, column);
      add(values, factors);
    }
  }
#pragma unroll
  for (int j = 0; j < OUTER_RANKS; j++) {
    if (first_rank + j >= rank) break;
    store_floats(partials + ((int64_t)blockIdx.z * rank + first_rank + j) * columns, column, columns - column, sums[j]);
  }
}

// target[j * row + c * column] += scale * sum over splits of partials[split][j][c], splits in order.
extern "C" __global__ void low_rank_outer_sum(const float* partials, int splits, float scale, float* target, int64_t row_stride,
                                              int64_t column_stride, int rank, int columns) {
  int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= (int64_t)rank * columns) return;
  float sum = 0;
  for (int split = 0; split < splits; split++) sum += partials[(int64_t)split * rank * columns + i];
  target[i / columns * row_stride + i % columns * column_stride] += scale * sum;
}
REGISTER_KERNEL(low_rank_outer_sum)

#define DEFINE(T, suffix)                                                                                                              \
  extern "C" __global__ void low_rank_down_##suffix(const T* x, int64_t xs, const T* w, int64_t w_row, int64_t w_column, float scale,     \
                                                    uint64_t seed, uint32_t stream, uint32_t threshold, float keep_scale, T* u,        \
                                                    int64_t us, int rows, int rank, int depth) {                                       \
    low_rank_down(x, xs, Weight<T>{w, w_row, w_column, rank, depth}, scale, Dropout{seed, stream, threshold, keep_scale}, u, us, rows);   \
  }                                                                                                                                    \
  REGISTER_KERNEL(low_rank_down_##suffix)                                                                                              \
  extern "C" __global__ void low_rank_up_##suffix(const T* u, int64_t us, const T* w, int64_t w_row, int64_t w_column, float scale,       \
                                                  uint64_t seed, uint32_t stream, uint32_t threshold, float keep_scale, T* y,          \
                                                  int64_t ys, int rows, int rank, int columns) {                                       \
    low_rank_up(u, us, Weight<T>{w, w_row, w_column, rank, columns}, scale, Dropout{seed, stream, threshold, keep_scale}, y, ys, rows);   \
  }                                                                                                                                    \
  REGISTER_KERNEL(low_rank_up_##suffix)                                                                                                \
  extern "C" __global__ void low_rank_outer_##suffix(const T* u, int64_t us, const T* x, int64_t xs, uint64_t seed, uint32_t stream,      \
                                                     uint32_t threshold, float keep_scale, float* partials, int rows, int rank,        \
                                                     int columns) {                                                                    \
    low_rank_outer(u, us, x, xs, Dropout{seed, stream, threshold, keep_scale}, partials, rows, rank, columns);                          \
  }                                                                                                                                    \
  REGISTER_KERNEL(low_rank_outer_##suffix)
FOR_EACH_TYPE(DEFINE)
