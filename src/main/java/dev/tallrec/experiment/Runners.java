package dev.tallrec.experiment;

import dev.tallrec.model.BaseModel;
import dev.tallrec.rec.Evaluation;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import dev.tallrec.rec.ScoreFile;
import dev.tallrec.train.TrainingStoppedException;
import dev.tallrec.tune.RunListener;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** What runs the cells of each kind of model, and what they share. */
public final class Runners {

  private final DataSets sets = new DataSets();
  private final String machine;
  private final TuneCells tuning;
  private final RecommenderCells recommenders;
  private final UntunedCells untuned;
  private final EndpointCells endpoint;
  private final BooleanSupplier stop;

  /**
   * The runners.
   *
   * @param preset that tuning runs start from
   * @param shared directory for what several cells begin with
   * @param bert directory of a BERT for the baselines that read titles with one
   * @param server for models that are asked over the network; none: they are left out
   * @param stop asked now and then whether to stop
   */
  public Runners(
      BaseModel base,
      String preset,
      Path shared,
      Optional<Path> bert,
      Optional<EndpointAccess> server,
      RunListener listener,
      BooleanSupplier stop) {
    this.machine = base.network().device().description();
    this.tuning = new TuneCells(base, preset, shared, sets, listener, stop);
    this.recommenders = new RecommenderCells(base, bert, sets, listener, stop);
    this.untuned = new UntunedCells(base, sets, listener, stop);
    this.stop = stop;
    this.endpoint = new EndpointCells(server, sets, listener, stop);
  }

  CellRunner of(Grid.Model model) {
    return switch (model) {
      case TALLREC -> tuning;
      case RECOMMENDER -> recommenders;
      case UNTUNED -> untuned;
      case ENDPOINT -> endpoint;
    };
  }

  /** Ends the run if it is told to stop: not all cells ask while they run. */
  void stopIfTold() throws TrainingStoppedException {
    TrainingStoppedException.throwIf(stop, "stopped");
  }

  /** What cells run on. */
  String machine() {
    return machine;
  }

  /** Writes a cell's scores and says how good they are. */
  Map<String, Evaluation> evaluate(CellRunner.Measured measured, Path directory)
      throws IOException {
    Map<String, Evaluation> evaluations = new LinkedHashMap<>();
    for (Map.Entry<String, double[]> scores : measured.scores().entrySet()) {
      List<RecExample> test = data(scores.getKey()).test();
      ScoreFile.write(CellResult.scores(directory, scores.getKey()), test, scores.getValue());
      evaluations.put(scores.getKey(), Evaluation.of(test, scores.getValue()));
    }
    return evaluations;
  }

  /** What tells a cell's data sets from others of their names. */
  Map<String, String> contents(Grid.Cell cell) throws IOException {
    return sets.digests(Stream.concat(cell.data().stream(), cell.test().stream()).toList());
  }

  /** The data set called {@code name}. */
  RecData data(String name) throws IOException {
    return sets.get(name);
  }
}
