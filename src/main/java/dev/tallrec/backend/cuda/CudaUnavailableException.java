package dev.tallrec.backend.cuda;

import java.io.IOException;

/** There is no usable GPU; the message says what is missing and what to do about it. */
public final class CudaUnavailableException extends IOException {

  private static final long serialVersionUID = 1L;

  private final boolean driverMissing;

  CudaUnavailableException(String message) {
    super(message);
    driverMissing = false;
  }

  CudaUnavailableException(String message, Throwable cause) {
    this(message, cause, false);
  }

  CudaUnavailableException(String message, Throwable cause, boolean driverMissing) {
    super(message, cause);
    this.driverMissing = driverMissing;
  }

  /** Whether this machine has no CUDA driver at all, as machines without a GPU do. */
  public boolean isDriverMissing() {
    return driverMissing;
  }
}
