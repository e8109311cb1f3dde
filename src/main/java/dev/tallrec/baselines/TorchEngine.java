package dev.tallrec.baselines;

import java.io.IOException;

/**
 * DJL's PyTorch engine, on the CPU and from what the build put beside the jar: no downloads. This
 * class itself uses none of DJL's, so that it can say what is missing.
 */
public final class TorchEngine {

  private static final String NAME = "PyTorch";
  private static final String THREADS = "ai.djl.pytorch.num_threads";

  private TorchEngine() {}

  /**
   * Starts the engine, once.
   *
   * @throws IOException saying how to get it where it is not there
   */
  public static void require() throws IOException {
    // The engine asks the network for libraries, and for its makers' statistics, unless told not
    // to.
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("OPT_OUT_TRACKING", "true");
    System.setProperty("PYTORCH_FLAVOR", "cpu");
    // The models are small: a second thread gains little, and on a busy machine its waiting costs
    // a lot.
    if (System.getProperty(THREADS) == null) {
      System.setProperty(THREADS, "1");
    }
    try {
      Object engine =
          Class.forName("ai.djl.engine.Engine")
              .getMethod("getEngine", String.class)
              .invoke(null, NAME);
      if (engine == null) {
        throw new IOException(message("it has no " + NAME));
      }
    } catch (ReflectiveOperationException | LinkageError e) {
      throw new IOException(
          message(e.getCause() == null ? e.toString() : e.getCause().toString()), e);
    }
  }

  private static String message(String reason) {
    return "the baselines need DJL's PyTorch engine, which this start lacks or could not load ("
        + reason
        + "): start with the script tallrec, or put the jars of src/target/baselines on the class path";
  }
}
