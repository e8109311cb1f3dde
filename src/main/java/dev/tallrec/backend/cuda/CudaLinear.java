package dev.tallrec.backend.cuda;

import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.tensor.DType;
import java.util.Objects;

/** Frozen weights [outFeatures, inFeatures] in device memory, in compute type. */
record CudaLinear(long address, int outFeatures, int inFeatures, DType storageType)
    implements FrozenLinear {

  static CudaLinear of(FrozenLinear weight) {
    if (weight instanceof CudaLinear own) {
      return own;
    }
    throw new IllegalArgumentException("weights of another device: " + weight.getClass());
  }

  CudaDriver.Operand operand() {
    return new CudaDriver.Operand(address, inFeatures);
  }

  @Override
  public FrozenLinear outputs(int first, int count) {
    Objects.checkFromIndexSize(first, count, outFeatures);
    long offset = (long) first * inFeatures * storageType.byteSize();
    return new CudaLinear(address + offset, count, inFeatures, storageType);
  }
}
