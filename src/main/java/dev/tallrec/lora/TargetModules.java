package dev.tallrec.lora;

import dev.tallrec.llama.Projection;
import java.util.Collections;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Which linear layers are adapted, as PEFT's target_modules says it. */
public sealed interface TargetModules {

  /**
   * Whether a layer is meant.
   *
   * @param module where it is in the model: "model.layers.3.self_attn.q_proj"
   */
  boolean contains(String module);

  /** The same projections of every block. */
  static TargetModules of(Set<Projection> projections) {
    return new Names(
        projections.stream()
            .map(Projection::moduleName)
            .collect(Collectors.toCollection(TreeSet::new)));
  }

  /**
   * Layers by name.
   *
   * @param names whole, or what a name ends in behind a dot: "q_proj", "mlp.down_proj"
   */
  record Names(SortedSet<String> names) implements TargetModules {

    /** Throws {@link IllegalArgumentException} if there are none. */
    public Names {
      if (names.isEmpty()) {
        throw new IllegalArgumentException("LoRA needs at least one of the target modules");
      }
      names = Collections.unmodifiableSortedSet(new TreeSet<>(names));
    }

    @Override
    public boolean contains(String module) {
      return names.stream().anyMatch(name -> module.equals(name) || module.endsWith("." + name));
    }
  }

  /** Layers whose whole name matches an expression. */
  record Expression(ModuleExpression expression) implements TargetModules {
    @Override
    public boolean contains(String module) {
      return expression.matches(module);
    }
  }
}
