package dev.tallrec.backend.cuda;

import jcuda.CudaException;
import jcuda.driver.CUresult;

/** What JCuda's exceptions tell only in words. */
final class CudaErrors {

  private CudaErrors() {}

  /** Whether it is this result of the driver. */
  static boolean is(CudaException e, int result) {
    return e.getMessage() != null && e.getMessage().contains(CUresult.stringFor(result));
  }

  /** The same error, saying what was asked for when it came up; work asked for before may be it. */
  static CudaException at(String what, CudaException e) {
    return new CudaException(e.getMessage() + " at or before " + what, e);
  }

  /**
   * Why a native library does not load: the last of the reasons that JCuda's message lists, whose
   * first line says only that it does not.
   */
  static String reason(Throwable e) {
    String marker = UnsatisfiedLinkError.class.getSimpleName() + ":";
    String message = String.valueOf(e.getMessage());
    return message
        .lines()
        .filter(line -> line.contains(marker))
        .reduce((first, second) -> second)
        .map(line -> line.substring(line.indexOf(marker) + marker.length()).strip())
        .orElse(message.lines().findFirst().orElse(""));
  }
}
