package dev.tallrec.experiment;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.endpoint.Api;
import dev.tallrec.endpoint.EndpointSettings;
import dev.tallrec.model.BaseModel;
import dev.tallrec.model.BundledBase;
import dev.tallrec.rec.Domain;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import dev.tallrec.tune.RunListener;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** A data set of some published movie rows, grids over it, and what is told of their runs. */
final class FewMovies implements RunListener, AutoCloseable {

  static final int TRAIN = 60;
  static final int TEST = 30;

  private final Path directory;
  private final Path data;
  private final Device device = new CpuDevice(2);
  private final BaseModel base;
  private final List<String> messages = new ArrayList<>();
  private final List<String> begun = new ArrayList<>();
  private Consumer<String> onMessage = message -> {};

  FewMovies(Path directory) throws IOException {
    this(directory, BundledBase.NAME);
  }

  /** With another base than the bundled one. */
  FewMovies(Path directory, String base) throws IOException {
    this.directory = directory;
    this.base = BaseModel.named(device, base);
    this.data = Files.createDirectories(directory.resolve("few-movies"));
    RecData movies = RecData.published(Domain.MOVIE);
    write("train", movies.train().subList(0, TRAIN));
    write("valid", movies.valid().subList(0, TEST));
    write("test", movies.test().subList(0, TEST));
  }

  private void write(String part, List<RecExample> examples) throws IOException {
    new JsonMapper()
        .writeValue(
            data.resolve(part + ".json").toFile(),
            examples.stream()
                .map(RecExample::text)
                .map(text ->
                    Map.of(
                        "instruction", text.instruction(),
                        "input", text.input(),
                        "output", text.output()))
                .toList());
  }

  Path data() {
    return data;
  }

  BaseModel base() {
    return base;
  }

  /** Where runs are kept. */
  Path runs() {
    return directory.resolve("runs");
  }

  List<String> messages() {
    return messages;
  }

  /** Is told each message after this. */
  void onMessage(Consumer<String> listener) {
    onMessage = listener;
  }

  /** Names of the tasks that were begun. */
  List<String> begun() {
    return begun;
  }

  /** A grid with K = 16 and two seeds. */
  Grid grid(String variants) throws IOException {
    return grid("Few movies", variants);
  }

  Grid grid(String title, String variants) throws IOException {
    Path file = directory.resolve("grid.yaml");
    Files.writeString(
        file,
        """
        title: %s
        preset: mini
        variants:
        %s
        data: [%s]
        test: []
        k: [16]
        seeds: [0, 1]
        by_k:
          16: {instruction.epochs: 0, rec.epochs: 1, rec.batch_size: 8}
        """
            .formatted(title, variants.indent(2), data));
    return Grid.read(file.toString(), Grid.Scale.SMALL);
  }

  /** A grid whose tuning runs have no settings in common. */
  Grid grid(String variants, List<Integer> k, List<Long> seeds) throws IOException {
    Grid grid = grid(variants);
    return new Grid(
        grid.title(), grid.preset(), grid.variants(), grid.data(), grid.test(), k, seeds, Map.of());
  }

  Runners runners(Grid grid, Optional<EndpointAccess> server) {
    return runners(grid, server, () -> false);
  }

  Runners runners(Grid grid, Optional<EndpointAccess> server, BooleanSupplier stop) {
    return new Runners(base, grid.preset(), runs(), Optional.empty(), server, this, stop);
  }

  /** With a BERT, whose directory this is. */
  Runners runners(Path bert) {
    return new Runners(
        base, "mini", runs(), Optional.of(bert), Optional.empty(), this, () -> false);
  }

  EndpointAccess access(URI url, Api api) {
    return new EndpointAccess(
        new EndpointSettings(url, "m", api, Duration.ofSeconds(10), 1, 1e6, 1000, 0),
        Optional.of("secret"),
        directory.resolve("answers"));
  }

  @Override
  public void message(String text) {
    messages.add(text);
    onMessage.accept(text);
  }

  @Override
  public void begin(String task, long total) {
    begun.add(task);
  }

  @Override
  public void advance(long done, String detail) {}

  @Override
  public void end() {}

  @Override
  public void close() {
    base.close();
    device.close();
  }
}
