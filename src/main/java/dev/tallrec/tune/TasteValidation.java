package dev.tallrec.tune;

import dev.tallrec.llama.Workspace;
import dev.tallrec.rec.RecExample;
import dev.tallrec.rec.TasteScorer;
import dev.tallrec.train.Trainer;
import dev.tallrec.train.TrainingStoppedException;
import java.util.List;
import java.util.Map;

/** Judges an adapter by the AUC on validation rows: the mean of those of all data sets. */
final class TasteValidation implements Trainer.Evaluation {

  private final Evaluator evaluator;
  private final Map<String, List<RecExample>> rows;
  private int tokens;
  private int sequences;

  /** An evaluation on {@code rows} by name. */
  TasteValidation(Evaluator evaluator, Map<String, List<RecExample>> rows) {
    this.evaluator = evaluator;
    this.rows = rows;
    rows.forEach((name, used) -> {
      tokens = Math.max(tokens, TasteScorer.longest(evaluator.prompts(name, used)));
      sequences = Math.max(sequences, TasteScorer.mostSequences(used.size()));
    });
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
  public double score(Workspace workspace) throws TrainingStoppedException {
    double sum = 0;
    for (Map.Entry<String, List<RecExample>> data : rows.entrySet()) {
      sum += evaluator.evaluate(data.getKey(), data.getValue(), workspace).auc();
    }
    return sum / rows.size();
  }
}
