package dev.tallrec.lora;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Modules that have another number than the rest, as PEFT's rank_pattern and alpha_pattern name
 * them: by expressions for the end of a module's name, of which the first that fits counts.
 */
public final class ModulePattern<N extends Number> {

  /** Longest text of all expressions together, in characters: they come out of files. */
  static final int LONGEST = 1 << 16;

  private record Entry<N>(ModuleExpression end, N value) {}

  private final Map<String, N> byExpression;
  private final List<Entry<N>> entries = new ArrayList<>();

  /**
   * In the order of {@code byExpression}.
   *
   * @throws IllegalArgumentException if an expression is none that RE2 has or too large, or all are
   *     too long together
   */
  public ModulePattern(Map<String, N> byExpression) {
    this.byExpression = Collections.unmodifiableMap(new LinkedHashMap<>(byExpression));
    if (byExpression.keySet().stream().mapToLong(String::length).sum() > LONGEST) {
      throw new IllegalArgumentException(
          "expressions of more than " + LONGEST + " characters together");
    }
    byExpression.forEach((expression, value) -> {
      entries.add(new Entry<>(ModuleExpression.ofEnd(expression), value));
    });
  }

  /** No module differs. */
  static <N extends Number> ModulePattern<N> none() {
    return new ModulePattern<>(Map.of());
  }

  /** What is said of a module, named as in "model.layers.3.self_attn.q_proj". */
  Optional<N> valueFor(String module) {
    return entries.stream()
        .filter(entry -> entry.end().matches(module))
        .findFirst()
        .map(Entry::value);
  }

  /** Numbers that some module may have. */
  Collection<N> values() {
    return byExpression.values();
  }

  /** Numbers by expression, first to last. */
  public Map<String, N> byExpression() {
    return byExpression;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ModulePattern<?> that
        && List.copyOf(byExpression.entrySet()).equals(List.copyOf(that.byExpression.entrySet()));
  }

  @Override
  public int hashCode() {
    return byExpression.hashCode();
  }
}
