package dev.tallrec.tune;

import dev.tallrec.files.Digest;
import dev.tallrec.lora.PeftDirectory;
import dev.tallrec.model.BaseModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What a run's figures come from. Its settings name it; what bears the name tomorrow may be
 * another.
 */
public final class RunInputs {

  private RunInputs() {}

  /** Of a whole run, by what the settings call it. */
  static Map<String, String> of(BaseModel base, TuneSettings settings, RunData data)
      throws IOException {
    Map<String, String> inputs = new TreeMap<>(ofStart(settings));
    inputs.put("base", of(base));
    // Sets to train and to test on are the same as a rule, or of one name and not the same.
    Stream.concat(data.train().stream(), data.test().stream())
        .distinct()
        .forEach(set ->
            inputs.merge("content of " + set.name(), set.digest(), (one, two) -> one + "," + two));
    return inputs;
  }

  /** Of the model that tuning starts from, whatever it is computed on. */
  public static String of(BaseModel base) {
    return new Digest()
        .add(base.config().toString())
        .add(Long.toHexString(base.network().weights().checksum()))
        .hex();
  }

  /**
   * Of the adapter that is given, and of the instructions.
   *
   * @throws IOException if a file of theirs is missing
   */
  public static Map<String, String> ofStart(TuneSettings settings) throws IOException {
    Map<String, String> inputs = new TreeMap<>();
    if (settings.startsFromAdapter()) {
      Digest digest = new Digest();
      for (Path file : PeftDirectory.files(Path.of(settings.adapter()))) {
        digest.add(file);
      }
      inputs.put("adapter", digest.hex());
    }
    if (settings.instruction().epochs() > 0 && !settings.instructionsComeAlong()) {
      inputs.put("instructions", new Digest().add(Path.of(settings.instructions())).hex());
    }
    return inputs;
  }
}
