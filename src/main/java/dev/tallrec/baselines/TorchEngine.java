package dev.tallrec.baselines;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** DJL's PyTorch engine, on the CPU and from what the build put beside the jar: no downloads. */
final class TorchEngine {

  private TorchEngine() {}

  /**
   * Starts it once.
   *
   * @throws IOException saying how to get it where it is not there
   */
  static Engine get() throws IOException {
    // The engine asks the network for libraries, and for its makers' statistics, unless told not
    // to.
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("OPT_OUT_TRACKING", "true");
    System.setProperty("PYTORCH_FLAVOR", "cpu");
    try {
      Engine engine = Engine.getEngine("PyTorch");
      if (engine == null) {
        throw missing(null);
      }
      return engine;
    } catch (EngineException | IllegalArgumentException | LinkageError e) {
      throw missing(e);
    }
  }

  private static IOException missing(@Nullable Throwable cause) {
    return new IOException(
        "the baselines need DJL's PyTorch engine, which this start lacks or could not load"
            + (cause == null ? "" : " (" + cause + ")")
            + ": start with the script tallrec, or put the jars of src/target/baselines on the class path",
        cause);
  }
}
