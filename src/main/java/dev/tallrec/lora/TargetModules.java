package dev.tallrec.lora;

import dev.tallrec.llama.Projection;
import java.util.Collections;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Which linear layers are adapted, as PEFT's target_modules and exclude_modules say it. */
public sealed interface TargetModules {

  /**
   * Whether a layer is meant.
   *
   * @param module where it is in the model: "model.layers.3.self_attn.q_proj"
   */
  boolean contains(String module);

  /** What one of PEFT's two fields says. */
  sealed interface Selection extends TargetModules {}

  /** The same projections of every block. */
  static Selection of(Set<Projection> projections) {
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
  record Names(SortedSet<String> names) implements Selection {

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
  record Expression(ModuleExpression expression) implements Selection {
    @Override
    public boolean contains(String module) {
      return expression.matches(module);
    }
  }

  /** Layers of the first, less those of the second. */
  record Except(Selection targets, Selection excluded) implements TargetModules {
    @Override
    public boolean contains(String module) {
      return targets.contains(module) && !excluded.contains(module);
    }
  }
}
