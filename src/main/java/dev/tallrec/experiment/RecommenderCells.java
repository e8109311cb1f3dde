package dev.tallrec.experiment;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.tallrec.baselines.BertFeatures;
import dev.tallrec.baselines.ItemCatalog;
import dev.tallrec.baselines.ItemFeatures;
import dev.tallrec.baselines.LlamaFeatures;
import dev.tallrec.baselines.Recommender;
import dev.tallrec.baselines.RecommenderSettings;
import dev.tallrec.baselines.TorchEngine;
import dev.tallrec.json.JsonFiles;
import dev.tallrec.json.StrictYaml;
import dev.tallrec.model.BaseModel;
import dev.tallrec.rec.KShot;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import dev.tallrec.train.TrainingStoppedException;
import dev.tallrec.tune.RunInputs;
import dev.tallrec.tune.RunListener;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Sequential recommenders, with the settings of the paper's scripts where a variant has no own. */
final class RecommenderCells implements CellRunner {

  private static final String DEFAULTS = "recommender.yaml";
  private static final String FEATURES = "features";

  /** Whose reading of titles a recommender is given. */
  private enum Features {
    NONE,
    BERT,
    LLAMA
  }

  private static final YAMLMapper YAML = StrictYaml.builder().build();

  private final BaseModel base;
  private final Optional<Path> bert;
  private final DataSets sets;
  private final RunListener listener;
  private final BooleanSupplier stop;
  private final Map<String, ItemCatalog> catalogs = new HashMap<>();
  private final Map<String, ItemFeatures> features = new HashMap<>();

  /** Of the BERT; empty before it is asked for. */
  private String bertDigest = "";

  /**
   * A runner.
   *
   * @param base whose hidden states are features where a variant asks for them
   * @param bert directory of the BERT whose states are, if there is one
   */
  RecommenderCells(
      BaseModel base,
      Optional<Path> bert,
      DataSets sets,
      RunListener listener,
      BooleanSupplier stop) {
    this.base = base;
    this.bert = bert;
    this.sets = sets;
    this.listener = listener;
    this.stop = stop;
  }

  @Override
  public Optional<String> missing(Grid.Cell cell) {
    return featuresOf(cell) == Features.BERT && bert.isEmpty()
        ? Optional.of("needs a BERT: give its directory with --bert")
        : Optional.empty();
  }

  private static Features featuresOf(Grid.Cell cell) {
    String value = cell.settings().getOrDefault(FEATURES, Features.NONE.name());
    try {
      return Features.valueOf(value.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "variant %s: features: %s is none of none, bert, llama".formatted(cell.variant(), value),
          e);
    }
  }

  @Override
  public void check(Grid.Cell cell) throws IOException {
    settings(cell);
    sources(cell);
    if (cell.data().size() > 1 || !cell.test().equals(cell.data())) {
      throw new IOException(
          "variant %s: a recommender knows only the items of one data set, so it is tested on what it learns from"
              .formatted(cell.variant()));
    }
    sets.check(cell, true);
  }

  /** Which model read the titles: its directory may hold another one tomorrow. */
  @Override
  public Map<String, String> sources(Grid.Cell cell) throws IOException {
    return switch (featuresOf(cell)) {
      case NONE -> Map.of();
      case LLAMA -> Map.of("base", RunInputs.of(base));
      case BERT -> bert.isEmpty() ? Map.of() : Map.of("bert", digest(cell, bert.get()));
    };
  }

  /** Of a BERT's files, which are read once. */
  private String digest(Grid.Cell cell, Path directory) throws IOException {
    if (bertDigest.isEmpty()) {
      try {
        bertDigest = BertFeatures.digest(directory);
      } catch (IOException e) {
        throw new IOException("variant %s: %s".formatted(cell.variant(), e.getMessage()), e);
      }
    }
    return bertDigest;
  }

  @Override
  public Measured run(Grid.Cell cell, Path directory) throws IOException, TrainingStoppedException {
    TorchEngine.require();
    RecData data = sets.get(cell.data().getFirst());
    ItemCatalog catalog = catalog(cell.data().getFirst(), data);
    List<RecExample> train =
        cell.k() == 0 ? data.train() : KShot.sample(data.train(), cell.k(), cell.seed());
    try (Recommender recommender =
        new Recommender(
            settings(cell), data, train, catalog, features(cell, catalog), cell.seed())) {
      listener.begin(cell.variant() + " steps", recommender.steps());
      Recommender.Outcome outcome =
          recommender
              .train(listener::advance, stop)
              .orElseThrow(() -> new TrainingStoppedException("stopped"));
      listener.end();
      listener.message(
          "  kept: step %d of %d, validation AUC %.4f"
              .formatted(outcome.kept().step(), recommender.steps(), outcome.kept().validAuc()));
      List<CellResult.Point> curve =
          outcome.curve().stream()
              .map(point -> new CellResult.Point(point.step(), point.loss()))
              .toList();
      return new Measured(
          Map.of(cell.data().getFirst(), outcome.test()),
          CellRunner.thinned(curve),
          List.of(),
          OptionalDouble.empty());
    }
  }

  private ItemCatalog catalog(String name, RecData data) throws IOException {
    ItemCatalog known = catalogs.get(name);
    if (known == null) {
      known = ItemCatalog.of(data);
      catalogs.put(name, known);
    }
    return known;
  }

  static RecommenderSettings settings(Grid.Cell cell) throws IOException {
    try (InputStream bytes = RecommenderCells.class.getResourceAsStream(DEFAULTS)) {
      ObjectNode settings = (ObjectNode) YAML.readTree(bytes);
      Map<String, String> own = new LinkedHashMap<>(cell.settings());
      own.remove(FEATURES);
      own.forEach(settings::put);
      return YAML.treeToValue(settings, RecommenderSettings.class);
    } catch (JsonProcessingException e) {
      throw new IOException(JsonFiles.describe("variant " + cell.variant(), e), e);
    }
  }

  private @Nullable ItemFeatures features(Grid.Cell cell, ItemCatalog catalog) throws IOException {
    Features kind = featuresOf(cell);
    if (kind == Features.NONE) {
      return null;
    }
    String key = kind + " " + cell.data();
    ItemFeatures known = features.get(key);
    if (known == null) {
      listener.message("  features of %,d titles".formatted(catalog.size()));
      known =
          kind == Features.BERT
              ? bertFeatures(bert.orElseThrow(), catalog)
              : LlamaFeatures.of(base, catalog.items());
      features.put(key, known);
    }
    return known;
  }

  private static ItemFeatures bertFeatures(Path bert, ItemCatalog catalog) throws IOException {
    try (BertFeatures model = BertFeatures.open(bert)) {
      return model.of(catalog.items());
    }
  }
}
