package dev.tallrec.tensor;

import java.util.Arrays;
import java.util.Optional;

/**
 * Element type of a tensor, named as in the safetensors format.
 *
 * <p>Only {@link #F32}, {@link #F16} and {@link #BF16} can hold weights; the others are recognised
 * so that files which contain them can be listed and validated.
 */
public enum DType {
  F64(8),
  F32(4),
  F16(2),
  BF16(2),
  I64(8),
  I32(4),
  I16(2),
  I8(1),
  U64(8),
  U32(4),
  U16(2),
  U8(1),
  BOOL(1),
  F8_E4M3(1),
  F8_E5M2(1);

  private final int byteSize;

  DType(int byteSize) {
    this.byteSize = byteSize;
  }

  /** Bytes per element. */
  public int byteSize() {
    return byteSize;
  }

  /** True for the types a weight, an activation or a gradient may be stored in. */
  public boolean isWeight() {
    return this == F32 || this == F16 || this == BF16;
  }

  /** The type called {@code name} in a safetensors header, if it is one we know. */
  public static Optional<DType> named(String name) {
    return Arrays.stream(values()).filter(type -> type.name().equals(name)).findFirst();
  }
}
