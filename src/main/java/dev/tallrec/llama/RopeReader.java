package dev.tallrec.llama;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Reads what config.json says of rotary embeddings, in the form of transformers 4 or 5, with
 * transformers' defaults for what is left out.
 *
 * @param config all fields of config.json
 * @param maxPositions its max_position_embeddings
 */
record RopeReader(ConfigFields config, int maxPositions) {

  /** Fields of config.json that are read here. */
  static final Set<String> READ = Set.of(Field.THETA, Field.SCALING, Field.PARAMETERS);

  private static final class Field {
    static final String THETA = "rope_theta";

    /** Of transformers 4. */
    static final String SCALING = "rope_scaling";

    /** Of transformers 5. */
    static final String PARAMETERS = "rope_parameters";

    static final String TYPE = "rope_type";
    static final String FACTOR = "factor";
    static final String ORIGINAL_POSITIONS = "original_max_position_embeddings";
  }

  private static final double DEFAULT_THETA = 10000;

  private static final Set<String> FIELDS_OF_ALL = Set.of(Field.TYPE, "type", Field.THETA);

  /** What may stand beside them, by rope_type. */
  private static final Map<String, Set<String>> FIELDS =
      Map.of(
          "default",
          Set.of(),
          "linear",
          Set.of(Field.FACTOR),
          "dynamic",
          Set.of(Field.FACTOR, Field.ORIGINAL_POSITIONS),
          "llama3",
          Set.of(Field.FACTOR, "low_freq_factor", "high_freq_factor", Field.ORIGINAL_POSITIONS),
          "yarn",
          Set.of(
              Field.FACTOR,
              Field.ORIGINAL_POSITIONS,
              "attention_factor",
              "beta_fast",
              "beta_slow",
              "mscale",
              "mscale_all_dim",
              "truncate"));

  /** Wherever it is said; the same if in several places. */
  float theta() throws IOException {
    double theta = Double.NaN;
    for (ConfigFields place :
        List.of(config, config.in(Field.PARAMETERS), config.in(Field.SCALING))) {
      double here = place.number(Field.THETA, theta);
      if (!Double.isNaN(theta) && here != theta) {
        throw config.refuse(Field.THETA, "%s in one place, %s in another".formatted(theta, here));
      }
      theta = here;
    }
    return (float) (Double.isNaN(theta) ? DEFAULT_THETA : theta);
  }

  RopeScaling scaling() throws IOException {
    if (!config.has(Field.PARAMETERS)) {
      return scaling(Field.SCALING);
    }
    RopeScaling scaling = scaling(Field.PARAMETERS);
    if (config.has(Field.SCALING) && !scaling(Field.SCALING).equals(scaling)) {
      throw config.refuse(
          Field.SCALING, "says other than " + Field.PARAMETERS + "; remove the one that is wrong");
    }
    return scaling;
  }

  private RopeScaling scaling(String place) throws IOException {
    if (!config.has(place)) {
      return new RopeScaling.None();
    }
    ConfigFields rope = config.in(place);
    JsonNode object = rope.object();
    String kind = object.path(Field.TYPE).asText(object.path("type").asText("default"));
    Set<String> allowed = FIELDS.get(kind);
    if (allowed == null) {
      throw config.refuse(
          Field.TYPE,
          "\"" + kind + "\"; supported are " + String.join(", ", new TreeSet<>(FIELDS.keySet())));
    }
    for (String field : (Iterable<String>) object::fieldNames) {
      if (!allowed.contains(field) && !FIELDS_OF_ALL.contains(field)) {
        throw config.refuse("rope field " + field, "not known for rope_type \"" + kind + "\"");
      }
    }
    return switch (kind) {
      case "linear" -> new RopeScaling.Linear(rope.positive(Field.FACTOR));
      case "llama3" -> llama3(rope);
      case "yarn" -> yarn(rope);
      // Dynamic NTK changes frequencies beyond max_position_embeddings only, where we do not go.
      default -> new RopeScaling.None();
    };
  }

  private static RopeScaling llama3(ConfigFields rope) throws IOException {
    RopeScaling.Llama3 scaling =
        new RopeScaling.Llama3(
            rope.positive(Field.FACTOR),
            rope.positive("low_freq_factor"),
            rope.positive("high_freq_factor"),
            rope.positiveInteger(Field.ORIGINAL_POSITIONS));
    if (scaling.highFreqFactor() <= scaling.lowFreqFactor()) {
      throw rope.refuse("high_freq_factor", "is not above low_freq_factor");
    }
    return scaling;
  }

  private RopeScaling yarn(ConfigFields rope) throws IOException {
    if (!(theta() > 1)) {
      throw config.refuse(Field.THETA, theta() + "; rope_type \"yarn\" needs more than 1");
    }
    int original =
        rope.has(Field.ORIGINAL_POSITIONS)
            ? rope.positiveInteger(Field.ORIGINAL_POSITIONS)
            : maxPositions;
    float factor = rope.positive(Field.FACTOR, (float) maxPositions / original);
    double mscale = rope.number("mscale", 0);
    double mscaleAllDim = rope.number("mscale_all_dim", 0);
    double attention =
        mscale != 0 && mscaleAllDim != 0
            ? yarnAttention(factor, mscale) / yarnAttention(factor, mscaleAllDim)
            : yarnAttention(factor, 1);
    if (!ConfigFields.isPositive((float) attention)) {
      throw rope.refuse("mscale", "makes an attention factor of " + attention);
    }
    return new RopeScaling.Yarn(
        factor,
        rope.positive("attention_factor", (float) attention),
        rope.positive("beta_fast", 32),
        rope.positive("beta_slow", 1),
        original,
        rope.bool("truncate", true));
  }

  /** YaRN's equation 22, times {@code mscale} as DeepSeek has it. */
  private static double yarnAttention(double factor, double mscale) {
    return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
  }
}
