// LoRA's thin products (Hu et al., arXiv 2106.09685), where r is some tens at most and a general product would be wasteful. Dropout is
// recomputed from its counter wherever it is needed.
#include "tile.cuh"

constexpr int DOWN_ROWS = 16;
constexpr int DOWN_WARPS = 4;
constexpr int DOWN_DEPTH = 64;

// u[row][j] = scale * sum over i of dropout(x[row][i]) * w[j][i], where w[j][i] is at w[j * w_row + i * w_column]. A block makes 16 rows x 8 columns of u;
// its warps take stretches of the depth in turn and their sums are added in order.
template <class T>
__device__ void low_rank_down(const T* x, int64_t xs, const T* w, int64_t w_row, int64_t w_column, float scale, Dropout dropout, T* u,
                              int64_t us, int rows, int rank, int depth) {
  __shared__ T a[DOWN_ROWS][DOWN_WARPS * DOWN_DEPTH];
  __shared__ T b[8][DOWN_WARPS * DOWN_DEPTH];
  __shared__ float sums[DOWN_WARPS][DOWN_ROWS][8];
  int first_row = blockIdx.x * DOWN_ROWS, first_rank = blockIdx.y * 8;
  int warp = threadIdx.x / WARP, g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
  float acc[4] = {0, 0, 0, 0};
  for (int start = 0; start < depth; start += DOWN_WARPS * DOWN_DEPTH) {
    for (int i = threadIdx.x; i < DOWN_ROWS * DOWN_WARPS * DOWN_DEPTH; i += blockDim.x) {
      int row = first_row + i / (DOWN_WARPS * DOWN_DEPTH), column = start + i % (DOWN_WARPS * DOWN_DEPTH);
      bool inside = row < rows && column < depth;
      float value = inside ? to_float(x[row * xs + column]) * dropout.factor(row, column) : 0;
      a[i / (DOWN_WARPS * DOWN_DEPTH)][i % (DOWN_WARPS * DOWN_DEPTH)] = from_float<T>(value);
    }
    for (int i = threadIdx.x; i < 8 * DOWN_WARPS * DOWN_DEPTH; i += blockDim.x) {
      int j = first_rank + i / (DOWN_WARPS * DOWN_DEPTH), column = start + i % (DOWN_WARPS * DOWN_DEPTH);
      bool inside = j < rank && column < depth;
      b[i / (DOWN_WARPS * DOWN_DEPTH)][i % (DOWN_WARPS * DOWN_DEPTH)] = inside ? w[j * w_row + column * w_column] : from_float<T>(0);
    }
    __syncthreads();
    multiply(acc, tile(&a[0][warp * DOWN_DEPTH], DOWN_WARPS * DOWN_DEPTH), transposed(&b[0][warp * DOWN_DEPTH], DOWN_WARPS * DOWN_DEPTH),
             DOWN_DEPTH);
    __syncthreads();
  }
  sums[warp][g][2 * t] = acc[0];
  sums[warp][g][2 * t + 1] = acc[1];
  sums[warp][g + 8][2 * t] = acc[2];
  sums[warp][g + 8][2 * t + 1] = acc[3];
  __syncthreads();
  for (int i = threadIdx.x; i < DOWN_ROWS * 8; i += blockDim.x) {
    int row = first_row + i / 8, j = first_rank + i % 8;
    if (row < rows && j < rank) {
      float total = 0;
      for (int k = 0; k < DOWN_WARPS; k++) total += sums[k][i / 8][i % 8];
      u[row * us + j] = from_float<T>(scale * total);
    }
  }
}

constexpr int UP_ROWS = 8;
constexpr int LARGEST_PART = 64;

// y[row][c] += dropout-factor * scale * sum over j of u[row][j] * w[j][c], w[j][c] at w[j * w_row + c * w_column]. A block makes 8 rows of as many
// columns as it has threads; ranks beyond 64 take several passes over y.
template <class T>
__device__ void low_rank_up(const T* u, int64_t us, const T* w, int64_t w_row, int64_t w_column, float scale, Dropout dropout, T* y,
                            int64_t ys, int rows, int rank, int columns) {
  __shared__ float part[UP_ROWS][LARGEST_PART];
  int first_row = blockIdx.x * UP_ROWS, column = blockIdx.y * blockDim.x + threadIdx.x;
  float sums[UP_ROWS];
  for (int r = 0; r < UP_ROWS; r++) sums[r] = 0;
  for (int start = 0; start < rank; start += LARGEST_PART) {
    int ranks = rank - start < LARGEST_PART ? rank - start : LARGEST_PART;
    __syncthreads();
    for (int i = threadIdx.x; i < UP_ROWS * ranks; i += blockDim.x) {
      int row = first_row + i / ranks;
      part[i / ranks][i % ranks] = row < rows ? to_float(u[row * us + start + i % ranks]) : 0;
    }
    __syncthreads();
    if (column < columns) {
      for (int j = 0; j < ranks; j++) {
        float weight = to_float(w[(start + j) * w_row + column * w_column]);
        for (int r = 0; r < UP_ROWS; r++) sums[r] += part[r][j] * weight;
      }
    }
  }
  if (column >= columns) return;
  for (int r = 0; r < UP_ROWS && first_row + r < rows; r++) {
    T* target = y + (first_row + r) * ys + column;
    *target = from_float<T>(to_float(*target) + scale * sums[r] * dropout.factor(first_row + r, column));
  }
}

constexpr int OUTER_RANKS = 8;

// partials[split][j][c] = sum over the split's rows t of u[t][j] * dropout(x[t][c]), for 8 ranks j a block.
template <class T>
__device__ void low_rank_outer(const T* u, int64_t us, const T* x, int64_t xs, Dropout dropout, float* partials, int rows, int rank,
                               int columns) {
  int column = blockIdx.x * blockDim.x + threadIdx.x, first_rank = blockIdx.y * OUTER_RANKS;
  int stretch = (rows + gridDim.z - 1) / gridDim.z;
  int from = blockIdx.z * stretch, to = from + stretch < rows ? from + stretch : rows;
  if (column >= columns) return;
  float sums[OUTER_RANKS];
  for (int j = 0; j < OUTER_RANKS; j++) sums[j] = 0;
  for (int row = from; row < to; row++) {
    float value = to_float(x[row * xs + column]) * dropout.factor(row, column);
    for (int j = 0; j < OUTER_RANKS; j++) {
      if (first_rank + j < rank) sums[j] += to_float(u[row * us + first_rank + j]) * value;
    }
  }
  for (int j = 0; j < OUTER_RANKS && first_rank + j < rank; j++) {
    partials[((int64_t)blockIdx.z * rank + first_rank + j) * columns + column] = sums[j];
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
    low_rank_down(x, xs, w, w_row, w_column, scale, Dropout{seed, stream, threshold, keep_scale}, u, us, rows, rank, depth);            \
  }                                                                                                                                    \
  REGISTER_KERNEL(low_rank_down_##suffix)                                                                                              \
  extern "C" __global__ void low_rank_up_##suffix(const T* u, int64_t us, const T* w, int64_t w_row, int64_t w_column, float scale,       \
                                                  uint64_t seed, uint32_t stream, uint32_t threshold, float keep_scale, T* y,          \
                                                  int64_t ys, int rows, int rank, int columns) {                                       \
    low_rank_up(u, us, w, w_row, w_column, scale, Dropout{seed, stream, threshold, keep_scale}, y, ys, rows, rank, columns);            \
  }                                                                                                                                    \
  REGISTER_KERNEL(low_rank_up_##suffix)                                                                                                \
  extern "C" __global__ void low_rank_outer_##suffix(const T* u, int64_t us, const T* x, int64_t xs, uint64_t seed, uint32_t stream,      \
                                                     uint32_t threshold, float keep_scale, float* partials, int rows, int rank,        \
                                                     int columns) {                                                                    \
    low_rank_outer(u, us, x, xs, Dropout{seed, stream, threshold, keep_scale}, partials, rows, rank, columns);                          \
  }                                                                                                                                    \
  REGISTER_KERNEL(low_rank_outer_##suffix)
FOR_EACH_TYPE(DEFINE)
