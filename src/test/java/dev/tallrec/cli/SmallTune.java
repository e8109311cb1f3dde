package dev.tallrec.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A tuning run of seconds. */
final class SmallTune {

  private SmallTune() {}

  /** A data set of 24 examples made up, its three parts the same. */
  static Path data(Path directory) throws IOException {
    List<String> examples = new ArrayList<>();
    for (int i = 0; i < 24; i++) {
      examples.add(
          "{\"instruction\":\"Will the user like it?\",\"input\":\"User Preference: \\\"A%d\\\"\\nUser Unpreference: \\nWhether the user will like the target movie \\\"B\\\"?\",\"output\":\"%s\"}"
              .formatted(i, i % 3 == 0 ? "Yes." : "No."));
    }
    Path data = Files.createDirectories(directory.resolve("data"));
    for (String part : List.of("train", "valid", "test")) {
      Files.writeString(data.resolve(part + ".json"), "[" + String.join(",\n", examples) + "]");
    }
    return data;
  }

  /** Runs {@code tune} on such data, two epochs at K = 16. */
  static Outcome tune(Path directory, Path out, Object... more) throws IOException {
    List<Object> arguments =
        new ArrayList<>(
            List.of(
                "tune",
                "--data",
                data(directory),
                "--k",
                16,
                "--instruction-epochs",
                0,
                "--rec-epochs",
                2,
                "--rec-batch-size",
                8,
                "--out",
                out,
                "--threads",
                2));
    arguments.addAll(List.of(more));
    return Outcome.run(arguments.toArray());
  }
}
