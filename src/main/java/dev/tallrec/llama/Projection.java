package dev.tallrec.llama;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** The seven linear layers of a block that LoRA can adapt, in the order data flows through them. */
public enum Projection {
  Q_PROJ("self_attn.q_proj"),
  K_PROJ("self_attn.k_proj"),
  V_PROJ("self_attn.v_proj"),
  O_PROJ("self_attn.o_proj"),
  GATE_PROJ("mlp.gate_proj"),
  UP_PROJ("mlp.up_proj"),
  DOWN_PROJ("mlp.down_proj");

  /** All of them; {@link #values} would copy them each time. */
  static final List<Projection> ALL = List.of(values());

  private final String path;

  Projection(String path) {
    this.path = path;
  }

  /** Where the layer sits within a block: "self_attn.q_proj". */
  public String path() {
    return path;
  }

  /** Its own name, as PEFT's target_modules has it: "q_proj". */
  public String moduleName() {
    return path.substring(path.indexOf('.') + 1);
  }

  /** Its name in a model: "model.layers.3.self_attn.q_proj". */
  public String moduleName(int layer) {
    return "model.layers." + layer + "." + path;
  }

  /** The projection whose {@link #moduleName} is {@code name}. */
  public static Optional<Projection> named(String name) {
    return Arrays.stream(values()).filter(p -> p.moduleName().equals(name)).findFirst();
  }

  /** Width of the input. */
  public int inFeatures(LlamaConfig config) {
    return switch (this) {
      case O_PROJ -> config.queryWidth();
      case DOWN_PROJ -> config.intermediateSize();
      default -> config.hiddenSize();
    };
  }

  /** Width of the output. */
  public int outFeatures(LlamaConfig config) {
    return switch (this) {
      case Q_PROJ -> config.queryWidth();
      case K_PROJ, V_PROJ -> config.keyValueWidth();
      case O_PROJ, DOWN_PROJ -> config.hiddenSize();
      case GATE_PROJ, UP_PROJ -> config.intermediateSize();
    };
  }

  /** Name of the frozen weight in a Hugging Face checkpoint. */
  public String weightName(int layer) {
    return moduleName(layer) + ".weight";
  }
}
