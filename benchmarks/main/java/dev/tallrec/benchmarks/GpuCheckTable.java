package dev.tallrec.benchmarks;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What gpu-check.sh measured of us and of the peer, work by work, as a Markdown table.
 *
 * <p>usage: GpuCheckTable gpu-check.json
 */
public final class GpuCheckTable {

  private static final String SCORING = "movie-score";
  private static final List<String> HEADINGS =
      List.of("work", "tallrec", "HF + PEFT", "times", "with checkpointing", "times");

  private GpuCheckTable() {}

  /** Runs it. */
  public static void main(String[] arguments) throws IOException {
    lines(Files.readAllLines(Path.of(arguments[0]))).forEach(System.out::println);
  }

  /**
   * What is measured, a line each, and the table of StepTimer's and the peer's lines. Rates are
   * tokens a second, of scoring examples a second.
   */
  static List<String> lines(List<String> json) {
    Set<String> measured = new LinkedHashSet<>();
    Side ours = new Side();
    Side eager = new Side();
    Side checkpointed = new Side();
    JsonMapper mapper = new JsonMapper();
    for (String line : json) {
      JsonNode result = read(mapper, line);
      if (result.has("work")) {
        Side side =
            !result.has("peer")
                ? ours
                : result.path("checkpointing").asBoolean() ? checkpointed : eager;
        side.put(name(result), result);
      } else if (!result.isMissingNode()) {
        measured.add(versions(result));
      }
    }
    List<String> lines = new ArrayList<>(measured);
    lines.add("");
    lines.add(row(HEADINGS));
    lines.add("|---".repeat(HEADINGS.size()) + "|");
    Set<String> works = new LinkedHashSet<>(ours.cells.keySet());
    works.addAll(eager.cells.keySet());
    works.addAll(checkpointed.cells.keySet());
    for (String work : works) {
      boolean scoring = work.startsWith(SCORING);
      // Every way of scoring is compared with ours, which is one.
      Cell our = ours.cell(scoring ? SCORING : work);
      Cell first = eager.cell(work);
      // Where no gradient is computed there is nothing to checkpoint.
      Cell second = scoring ? Cell.NONE : checkpointed.cell(work);
      lines.add(
          row(
              List.of(
                  work, our.text, first.text, our.times(first), second.text, our.times(second))));
    }
    return lines;
  }

  /** What there is of a work: its rate, 0 if there is none, and what to show. */
  private record Cell(double rate, String text) {
    static final Cell NONE = new Cell(0, "");
    static final Cell NOT_REACHED = new Cell(0, "not reached");

    static Cell of(JsonNode result) {
      if (result.has("does_not_fit")) {
        return new Cell(0, "does not fit");
      }
      if (result.has("failed")) {
        return new Cell(0, "failed");
      }
      boolean scoring = result.get("work").asText().startsWith(SCORING);
      double rate = result.path(scoring ? "examples_per_second" : "tokens_per_second").asDouble();
      return new Cell(rate, String.format(Locale.ROOT, "%,.0f", rate));
    }

    String times(Cell theirs) {
      return rate == 0 || theirs.rate == 0
          ? ""
          : String.format(Locale.ROOT, "**%.2f**", rate / theirs.rate);
    }
  }

  /** A column of the table. */
  private static final class Side {
    private final Map<String, Cell> cells = new LinkedHashMap<>();

    void put(String work, JsonNode result) {
      cells.put(work, Cell.of(result));
    }

    Cell cell(String work) {
      return cells.getOrDefault(work, Cell.NOT_REACHED);
    }
  }

  /** What is no JSON, as of a process that was stopped, is nothing. */
  private static JsonNode read(JsonMapper mapper, String line) {
    try {
      return mapper.readTree(line);
    } catch (JsonProcessingException e) {
      return mapper.missingNode();
    }
  }

  /** Of a line that is no work: the commit, the device, or the peer's packages. */
  private static String versions(JsonNode result) {
    if (result.has("commit")) {
      return "* tallrec at " + result.get("commit").asText();
    }
    if (result.has("device")) {
      return "* tallrec on " + result.get("device").asText();
    }
    return "* %s: %s"
        .formatted(
            result.path("peer").asText(),
            result.path("versions").properties().stream()
                .map(version -> version.getKey() + " " + version.getValue().asText())
                .collect(Collectors.joining(", ")));
  }

  private static String name(JsonNode result) {
    String work = result.get("work").asText();
    return result.has("rows")
        ? "%s, %d x %d".formatted(work, result.get("rows").asInt(), result.get("length").asInt())
        : work;
  }

  private static String row(List<String> cells) {
    return "| " + String.join(" | ", cells) + " |";
  }
}
