package dev.tallrec.cli;

import dev.tallrec.rec.Evaluation;
import dev.tallrec.rec.Interval;
import dev.tallrec.tune.RunResults;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** AUC before and after each stage, beside the baseline without parameters. */
final class ResultTable {

  private static final Map<String, String> NAMES =
      Map.of(
          RunResults.Stage.BASE, "base, not tuned",
          RunResults.Stage.INSTRUCTION, "after instruction tuning",
          RunResults.Stage.REC, "after rec-tuning");

  private ResultTable() {}

  /** The table of a run, for data set {@code data}. */
  static String of(RunResults results, String data) {
    StringBuilder text = new StringBuilder();
    text.append(
        "%-44s %9s  %8s  %-18s %s%n"
            .formatted(data, "valid AUC", "test AUC", "95 % interval", "p(Yes)+p(No)"));
    RunResults.Split share = results.likedShare().get(data);
    if (share != null) {
      text.append(row("no model: share of liked items in history", share));
    }
    for (RunResults.Stage stage : results.stages()) {
      RunResults.Split split = stage.scores().get(data);
      if (split != null) {
        text.append(row(NAMES.getOrDefault(stage.name(), stage.name()), split));
      }
    }
    return text.toString();
  }

  private static String row(String name, RunResults.Split split) {
    Evaluation test = split.test();
    return "%-44s %9.4f  %8.4f  %-18s %s%n"
        .formatted(
            name,
            split.valid().auc(),
            test.auc(),
            interval(test.interval()),
            Double.isNaN(test.answerMass()) ? "" : "%.4f".formatted(test.answerMass()));
  }

  static String interval(@Nullable Interval interval) {
    return interval == null
        ? "users unknown"
        : "%.4f to %.4f".formatted(interval.low(), interval.high());
  }

  /** The data sets that a run reports on. */
  static List<String> dataSets(RunResults results) {
    return List.copyOf(results.stages().getFirst().scores().keySet());
  }
}
