package dev.tallrec.benchmarks;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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
   * The table of StepTimer's and the peer's lines. Rates are tokens a second, of scoring examples a
   * second; a rate that is not there did not fit.
   */
  static List<String> lines(List<String> json) {
    Map<String, Double> ours = new LinkedHashMap<>();
    Map<String, Double> eager = new LinkedHashMap<>();
    Map<String, Double> checkpointed = new LinkedHashMap<>();
    JsonMapper mapper = new JsonMapper();
    for (String line : json) {
      JsonNode result = read(mapper, line);
      if (result.has("work")) {
        Map<String, Double> side =
            !result.has("peer")
                ? ours
                : result.path("checkpointing").asBoolean() ? checkpointed : eager;
        side.put(name(result), rate(result));
      }
    }
    List<String> lines = new ArrayList<>();
    lines.add(row(HEADINGS));
    lines.add("|---".repeat(HEADINGS.size()) + "|");
    List<String> works = new ArrayList<>(ours.keySet());
    eager.keySet().stream().filter(work -> !ours.containsKey(work)).forEach(works::add);
    for (String work : works) {
      // Every way of scoring is compared with ours, which is one.
      double our = ours.getOrDefault(ours.containsKey(work) ? work : SCORING, 0.0);
      double first = eager.getOrDefault(work, 0.0);
      double second = checkpointed.getOrDefault(work, 0.0);
      lines.add(
          row(
              List.of(
                  work,
                  shown(our),
                  shown(first),
                  times(our, first),
                  shown(second),
                  times(our, second))));
    }
    return lines;
  }

  /** What is no JSON, as of a process that was stopped, is nothing. */
  private static JsonNode read(JsonMapper mapper, String line) {
    try {
      return mapper.readTree(line);
    } catch (JsonProcessingException e) {
      return mapper.missingNode();
    }
  }

  private static String name(JsonNode result) {
    String work = result.get("work").asText();
    return result.has("rows")
        ? "%s, %d x %d".formatted(work, result.get("rows").asInt(), result.get("length").asInt())
        : work;
  }

  private static double rate(JsonNode result) {
    boolean scoring = result.get("work").asText().startsWith(SCORING);
    return result.path(scoring ? "examples_per_second" : "tokens_per_second").asDouble();
  }

  private static String shown(double rate) {
    return rate == 0 ? "" : "%,.0f".formatted(rate);
  }

  private static String times(double ours, double theirs) {
    return ours == 0 || theirs == 0 ? "" : "**%.2f**".formatted(ours / theirs);
  }

  private static String row(List<String> cells) {
    return "| " + String.join(" | ", cells) + " |";
  }
}
