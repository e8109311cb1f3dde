package dev.tallrec.endpoint;

/** A server that did not answer, or an answer that cannot be read or kept. */
public class EndpointException extends Exception {

  /**
   * Without another cause.
   *
   * @param message names server, model and what to do
   */
  public EndpointException(String message) {
    super(message);
  }

  /**
   * With another cause.
   *
   * @param message names server, model and what to do
   */
  public EndpointException(String message, Throwable cause) {
    super(message, cause);
  }
}
