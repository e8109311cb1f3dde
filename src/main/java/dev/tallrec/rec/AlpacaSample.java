package dev.tallrec.rec;

import dev.tallrec.text.Instruction;
import dev.tallrec.text.InstructionFile;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;

/** The part of Alpaca's instruction data that comes with this program; see NOTICE beside it. */
public final class AlpacaSample {

  private static final String FILE = "alpaca/train.json.gz";

  private AlpacaSample() {}

  /** Its 1,000 examples. */
  public static List<Instruction> read() throws IOException {
    try (InputStream bytes = AlpacaSample.class.getResourceAsStream(FILE)) {
      if (bytes == null) {
        throw new IOException("this build lacks " + FILE);
      }
      return InstructionFile.read(bytes, FILE);
    }
  }
}
