package dev.tallrec.backend;

/** A device cannot hold what was asked of it. The message has the label and the numbers. */
public final class DeviceMemoryException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  public DeviceMemoryException(String message) {
    super(message);
  }
}
