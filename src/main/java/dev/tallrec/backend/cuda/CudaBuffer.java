package dev.tallrec.backend.cuda;

import dev.tallrec.backend.Buffer;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import java.util.Objects;

/** Device memory at an address. */
record CudaBuffer(long address, long byteSize) implements Buffer {

  static CudaBuffer of(Buffer buffer) {
    if (buffer instanceof CudaBuffer own) {
      return own;
    }
    throw new IllegalArgumentException("a buffer of another device: " + buffer.getClass());
  }

  /** Address of a matrix's first element. */
  static long address(Matrix matrix) {
    return of(matrix.buffer()).address + matrix.offset() * matrix.dtype().byteSize();
  }

  /** Address of the first index. */
  static long address(Indices indices) {
    return of(indices.buffer()).address + indices.offset() * Integer.BYTES;
  }

  @Override
  public Buffer slice(long byteOffset, long size) {
    Objects.checkFromIndexSize(byteOffset, size, byteSize);
    return new CudaBuffer(address + byteOffset, size);
  }
}
