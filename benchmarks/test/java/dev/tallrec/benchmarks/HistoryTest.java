package dev.tallrec.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class HistoryTest {

  @TempDir private Path directory;
  private Path file;
  private History history;

  @BeforeEach
  void setUp() {
    file = directory.resolve("history.jsonl");
    history = new History(file);
  }

  private static Results run(String cpu, String commit, int day, double speed) {
    List<List<Double>> forks =
        List.of(List.of(speed, 1.01 * speed), List.of(0.99 * speed, 1.02 * speed));
    return new Results(
        Map.of("cpu", cpu),
        commit,
        "2026-01-0%dT00:00:00Z".formatted(day),
        List.of(
            new Results.Measured(
                "Ops.one shape=A", "ops/s", forks, Map.of(Counters.ALLOCATED, 80.0), Map.of()),
            new Results.Measured("Text.two", "ops/s", forks, Map.of(), Map.of())));
  }

  private void add(Results run) throws IOException {
    history.append(HistoryEntry.of(run));
  }

  @Test
  void whatIsAppendedIsReadInOrder() throws IOException {
    add(run("x", "c1", 1, 100));
    add(run("x", "c2", 2, 110));
    List<HistoryEntry> entries = history.read();
    assertThat(entries).extracting(HistoryEntry::commit).containsExactly("c1", "c1", "c2", "c2");
    HistoryEntry first = entries.getFirst();
    assertThat(first.fingerprint()).isEqualTo(run("x", "c1", 1, 100).fingerprint());
    assertThat(first.median()).isBetween(first.low(), first.high());
    assertThat(first.allocated()).isEqualTo(80);
    assertThat(entries.get(1).allocated()).isNull();
    assertThat(Files.readAllLines(file)).hasSize(4);
  }

  @Test
  void theSameRecordTwiceIsRefused() throws IOException {
    add(run("x", "c1", 1, 100));
    String before = Files.readString(file);
    assertThatThrownBy(() -> add(run("x", "c1", 1, 100)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("Ops.one shape=A of c1 at 2026-01-01T00:00:00Z is in");
    assertThat(Files.readString(file)).isEqualTo(before);
  }

  @Test
  void aBrokenLineIsNamed() throws IOException {
    add(run("x", "c1", 1, 100));
    Files.writeString(file, "{\"date\":\"2026", StandardOpenOption.APPEND);
    assertThatThrownBy(history::read)
        .isInstanceOf(IOException.class)
        .hasMessageContaining("history.jsonl:3: ");
    String before = Files.readString(file);
    assertThatThrownBy(() -> add(run("x", "c2", 2, 100))).hasMessageContaining(":3: ");
    assertThat(Files.readString(file)).isEqualTo(before);
  }

  @Test
  void aLineWithoutASpeedIsNamed() throws IOException {
    add(run("x", "c1", 1, 100));
    List<String> lines = Files.readAllLines(file);
    Files.write(file, List.of(lines.get(0), lines.get(1).replaceFirst("\"median\":[0-9.]+,", "")));
    assertThatThrownBy(history::read).hasMessageContaining(":2: ").hasMessageContaining("median");
    Files.write(file, List.of(lines.get(0).replaceFirst("\"low\":", "\"low\":-")));
    assertThatThrownBy(history::read).hasMessageContaining(":1: ").hasMessageContaining("order");
    Files.writeString(file, "null\n");
    assertThatThrownBy(history::read).hasMessageContaining(":1: ");
  }

  @Test
  void aLastLineWithoutItsEndIsNotAddedTo() throws IOException {
    add(run("x", "c1", 1, 100));
    Files.writeString(file, Files.readString(file).stripTrailing());
    add(run("x", "c2", 2, 100));
    assertThat(history.read()).hasSize(4);
  }

  @Test
  void aPlotHasOneGroupAndOneMachine() throws IOException {
    add(run("x", "c1", 1, 100));
    add(run("x", "c2", 2, 120));
    add(run("y", "c2", 3, 1200));
    Path plots = directory.resolve("plots");
    List<Path> files = HistoryPlot.write(history.read(), plots);
    String x = run("x", "", 1, 1).fingerprint();
    String y = run("y", "", 1, 1).fingerprint();
    assertThat(files)
        .extracting(path -> path.getFileName().toString())
        .containsExactlyInAnyOrder(
            "Ops-%s-ops_s.png".formatted(x),
            "Ops-%s-ops_s.png".formatted(y),
            "Text-%s-ops_s.png".formatted(x),
            "Text-%s-ops_s.png".formatted(y));
    for (Path png : files) {
      assertThat(ImageIO.read(png.toFile()).getWidth()).isEqualTo(1200);
    }
  }

  @Test
  void commitsStandByDateWithGapsWhereNothingWasMeasured() {
    Results first = run("x", "c1", 1, 100);
    Results second = run("x", "c2", 2, 100);
    List<HistoryEntry> entries =
        List.of(
            HistoryEntry.of(second).getFirst(),
            HistoryEntry.of(first).getFirst(),
            HistoryEntry.of(first).getLast());
    assertThat(HistoryPlot.commits(entries)).containsExactly("c1", "c2");
    assertThat(HistoryPlot.series(entries).get("Text.two")).hasSize(2).endsWith((Double) null);
  }

  @Test
  void aPlotStaysInItsDirectory() throws IOException {
    HistoryEntry entry =
        new HistoryEntry("2026-01-01T00:00:00Z", "c", "f", "../../b", "ops/s", 1, 1, 1, null);
    Path plots = directory.resolve("plots");
    assertThat(HistoryPlot.write(List.of(entry), plots))
        .allSatisfy(path -> assertThat(path.normalize().getParent()).isEqualTo(plots));
  }

  @Test
  void theCommandsDoBoth() throws IOException {
    Path result = directory.resolve("run.json");
    run("x", "c1", 1, 100).write(result);
    CommandLine line = new CommandLine(new HistoryCommand());
    assertThat(line.execute("add", result.toString(), "--to", file.toString())).isZero();
    Path plots = directory.resolve("plots");
    assertThat(line.execute("plot", file.toString(), "--out", plots.toString())).isZero();
    try (var files = Files.list(plots)) {
      assertThat(files).hasSize(2);
    }
  }
}
