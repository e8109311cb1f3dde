// A cuBLAS for machines without a GPU, beside driver.cpp: as much of it as we use, for matrices of one type that are summed in fp32.
#include "emulation.h"
#include "stand_in.h"

namespace {

// Of cublasStatus_t, cublasOperation_t, cudaDataType_t, cublasComputeType_t, cublasGemmAlgo_t, cublasMath_t.
enum Status { SUCCESS = 0, ALLOC_FAILED = 3, INVALID_VALUE = 7, NOT_SUPPORTED = 15 };
enum Operation { NOT_TRANSPOSED = 0, TRANSPOSED = 1 };
enum Type { R_32F = 0, R_16F = 2, R_16BF = 14 };
constexpr int COMPUTE_32F = 68, ALGORITHM_DEFAULT = -1, DISALLOW_REDUCED_PRECISION_REDUCTION = 16;
constexpr size_t WORKSPACE_ALIGNMENT = 256;

struct Handle {
  void* stream = nullptr;
  void* workspace = nullptr;
  bool sums_in_fp32 = false;
};

// Column-major.
struct Product {
  bool transpose_a;
  int m, n, k;
  float alpha, beta;
  const void* a;
  int lda;
  const void* b;
  int ldb;
  void* c;
  int ldc;

  template <class T> void run() const {
    const T* as = static_cast<const T*>(a);
    const T* bs = static_cast<const T*>(b);
    T* cs = static_cast<T*>(c);
    for (int column = 0; column < n; column++) {
      for (int row = 0; row < m; row++) {
        float sum = 0;
        for (int i = 0; i < k; i++) {
          float of_a = to_float(transpose_a ? as[i + (int64_t)row * lda] : as[row + (int64_t)i * lda]);
          sum += of_a * to_float(bs[i + (int64_t)column * ldb]);
        }
        T& target = cs[row + (int64_t)column * ldc];
        // With a beta of 0 the target is not read: it may be NaN.
        target = from_float<T>(alpha * sum + (beta == 0 ? 0 : beta * to_float(target)));
      }
    }
  }
};

bool is_allocated(const void* matrix, int leading, int rows, int columns, size_t size) {
  return leading >= rows && stand_in::is_allocated(matrix, size * ((size_t)leading * (columns - 1) + rows));
}

}  // namespace

extern "C" {

int cublasCreate_v2(Handle** handle) {
  if (stand_in::is_full_at("cublas")) return ALLOC_FAILED;
  *handle = new Handle();
  return SUCCESS;
}

int cublasDestroy_v2(Handle* handle) {
  delete handle;
  return SUCCESS;
}

int cublasGetVersion_v2(Handle*, int* version) {
  *version = 120600;
  return SUCCESS;
}

// Takes the workspace away, as cuBLAS does.
int cublasSetStream_v2(Handle* handle, void* stream) {
  handle->stream = stream;
  handle->workspace = nullptr;
  return SUCCESS;
}

int cublasSetWorkspace_v2(Handle* handle, void* workspace, size_t bytes) {
  if ((uintptr_t)workspace % WORKSPACE_ALIGNMENT != 0 || !stand_in::is_allocated(workspace, bytes)) return INVALID_VALUE;
  handle->workspace = workspace;
  return SUCCESS;
}

int cublasSetMathMode(Handle* handle, int mode) {
  handle->sums_in_fp32 = mode == DISALLOW_REDUCED_PRECISION_REDUCTION;
  return SUCCESS;
}

int cublasGemmEx(Handle* handle, int operation_a, int operation_b, int m, int n, int k, const void* alpha, const void* a, int type_a, int lda,
                 const void* b, int type_b, int ldb, const void* beta, void* c, int type_c, int ldc, int compute, int algorithm) {
  if (handle->workspace == nullptr) stand_in::die("cuBLAS would use a workspace of its own, and results could differ from run to run");
  if (!handle->sums_in_fp32) stand_in::die("cuBLAS might sum in half precision");
  if (operation_b != NOT_TRANSPOSED || type_a != type_b || type_b != type_c || compute != COMPUTE_32F || algorithm != ALGORITHM_DEFAULT) {
    return NOT_SUPPORTED;
  }
  if (m < 1 || n < 1 || k < 1) return INVALID_VALUE;
  bool transposed = operation_a == TRANSPOSED;
  size_t size = type_a == R_32F ? sizeof(float) : sizeof(half_t);
  if (!is_allocated(a, lda, transposed ? k : m, transposed ? m : k, size) || !is_allocated(b, ldb, k, n, size) || !is_allocated(c, ldc, m, n, size)) {
    return INVALID_VALUE;
  }
  Product product{transposed, m, n, k, *static_cast<const float*>(alpha), *static_cast<const float*>(beta), a, lda, b, ldb, c, ldc};
  std::function<void()> run;
  switch (type_a) {
    case R_32F: run = [=] { product.run<float>(); }; break;
    case R_16F: run = [=] { product.run<half_t>(); }; break;
    case R_16BF: run = [=] { product.run<bf16_t>(); }; break;
    default: return NOT_SUPPORTED;
  }
  return stand_in::enqueue(handle->stream, std::move(run)) ? SUCCESS : INVALID_VALUE;
}

}  // extern "C"
