package dev.tallrec.tune;

import dev.tallrec.llama.Workspace;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import dev.tallrec.rec.TasteScorer;
import dev.tallrec.train.Trainer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Judges an adapter by the AUC on validation rows: the mean of those of all data sets. */
final class TasteValidation implements Trainer.Evaluation {

  private final Evaluator evaluator;
  private final Map<String, List<RecExample>> rows = new LinkedHashMap<>();
  private int tokens;
  private int sequences;

  /**
   * An evaluation on the validation rows of {@code sets}.
   *
   * @param limit first rows of each that are used; 0 for all
   */
  TasteValidation(Evaluator evaluator, List<RecData> sets, int limit) {
    this.evaluator = evaluator;
    for (RecData data : sets) {
      List<RecExample> valid = data.valid();
      List<RecExample> used = limit == 0 ? valid : valid.subList(0, Math.min(limit, valid.size()));
      String name = data.name() + " valid";
      rows.put(name, used);
      tokens = Math.max(tokens, TasteScorer.longest(evaluator.prompts(name, used)));
      sequences = Math.max(sequences, TasteScorer.mostSequences(used.size()));
    }
  }

  @Override
  public int tokens() {
    return tokens;
  }

  @Override
  public int sequences() {
    return sequences;
  }

  @Override
  public double score(Workspace workspace) {
    double sum = 0;
    for (Map.Entry<String, List<RecExample>> data : rows.entrySet()) {
      sum += evaluator.evaluate(data.getKey(), data.getValue(), workspace).auc();
    }
    return sum / rows.size();
  }
}
