package dev.tallrec.backend.cuda;

import jcuda.driver.CUdeviceptr;

/** A CUdeviceptr that tells its address. */
final class DevicePointer extends CUdeviceptr {

  DevicePointer() {}

  private DevicePointer(DevicePointer base, long byteOffset) {
    super(base, byteOffset);
  }

  long address() {
    return getNativePointer();
  }

  DevicePointer plus(long byteOffset) {
    return new DevicePointer(this, byteOffset);
  }
}
