package dev.tallrec.experiment;

import dev.tallrec.rec.Interval;
import dev.tallrec.tune.RunResults;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** A grid's outcomes as Markdown and CSV. */
public final class GridReport {

  private GridReport() {}

  /** Tables by data set: ours, the baseline without a model, and the paper's beside them. */
  public static String markdown(Grid grid, Outcomes outcomes) throws IOException {
    StringBuilder text = new StringBuilder("# " + grid.title() + "\n\n");
    text.append(
        "Test AUC x 100, mean and standard deviation over %d seeds. %d of %d runs are done.\n"
            .formatted(grid.seeds().size(), outcomes.byCell().size(), grid.cells().size()));
    for (String data : grid.test()) {
      text.append("\n## ").append(data).append("\n\n| |");
      grid.k().forEach(k -> text.append(" K = ").append(k).append(" |"));
      text.append("\n|---|").append("---|".repeat(grid.k().size())).append('\n');
      outcomes
          .figures(data)
          .forEach((variant, byK) ->
              row(text, "ours: " + variant, grid.k(), k -> String.valueOf(byK.get(k))));
      double share = outcomes.likedShare(data);
      if (!Double.isNaN(share)) {
        row(
            text,
            "no model: share of liked items in history",
            grid.k(),
            k -> "%.2f".formatted(100 * share));
      }
      for (Map.Entry<String, Map<Integer, Double>> paper : PaperTable.read(data).entrySet()) {
        row(
            text,
            "the paper's "
                + paper.getKey()
                + (paper.getKey().equals("TALLRec") ? " (LLaMA-7B)" : ""),
            grid.k(),
            k -> String.valueOf(paper.getValue().get(k)));
      }
    }
    return text.toString();
  }

  private interface Column {
    String of(int k);
  }

  private static void row(StringBuilder text, String name, List<Integer> columns, Column column) {
    text.append("| ").append(name).append(" |");
    for (int k : columns) {
      String value = column.of(k);
      text.append(' ').append(value.equals("null") ? "" : value).append(" |");
    }
    text.append('\n');
  }

  /** One line per run and data set. */
  public static String csv(Grid grid, Outcomes outcomes) {
    StringBuilder text = new StringBuilder("variant,k,seed,data,valid_auc,test_auc,low,high\n");
    outcomes
        .byCell()
        .forEach((cell, results) -> {
          for (String data : grid.test()) {
            RunResults.Split split = results.stages().getLast().on(data);
            Interval interval = split.test().interval();
            text.append(
                "%s,%d,%d,%s,%.4f,%.4f,%s,%s%n"
                    .formatted(
                        cell.variant(),
                        cell.k(),
                        cell.seed(),
                        data,
                        split.valid().auc(),
                        split.test().auc(),
                        interval == null ? "" : "%.4f".formatted(interval.low()),
                        interval == null ? "" : "%.4f".formatted(interval.high())));
          }
        });
    return text.toString();
  }
}
