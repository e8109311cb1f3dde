package dev.tallrec.safetensors;

import java.io.IOException;

/** A file is not what the safetensors format demands. The message names file, tensor and remedy. */
public final class SafetensorsException extends IOException {

  private static final long serialVersionUID = 1L;

  public SafetensorsException(String message) {
    super(message);
  }

  public SafetensorsException(String message, Throwable cause) {
    super(message, cause);
  }
}
