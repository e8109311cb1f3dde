package dev.tallrec.backend.cuda;

import java.io.IOException;

/** There is no usable GPU; the message says what is missing and what to do about it. */
public final class CudaUnavailableException extends IOException {

  private static final long serialVersionUID = 1L;

  CudaUnavailableException(String message) {
    super(message);
  }

  CudaUnavailableException(String message, Throwable cause) {
    super(message, cause);
  }
}
