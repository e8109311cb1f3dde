package dev.tallrec.experiment;

import dev.tallrec.model.BaseModel;
import dev.tallrec.rec.Evaluation;
import dev.tallrec.rec.RecData;
import dev.tallrec.tune.RunListener;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/** What runs the cells of each kind of model, and what they share. */
public final class Runners {

  private final DataSets sets = new DataSets();
  private final String machine;
  private final TuneCells tuning;
  private final RecommenderCells recommenders;
  private final UntunedCells untuned;
  private final EndpointCells endpoint;

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
    this.tuning = new TuneCells(base, preset, shared, listener, stop);
    this.recommenders = new RecommenderCells(base, bert, sets, listener, stop);
    this.untuned = new UntunedCells(base, sets, listener);
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

  /** What cells run on. */
  String machine() {
    return machine;
  }

  Map<String, Evaluation> evaluate(CellRunner.Measured measured, Path directory)
      throws IOException {
    return CellRunner.evaluate(measured, sets, directory);
  }

  /** The data set called {@code name}. */
  RecData data(String name) throws IOException {
    return sets.get(name);
  }
}
