package dev.tallrec.train;

import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaNetwork;
import dev.tallrec.llama.RopeScaling;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.lora.TargetModules;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import dev.tallrec.text.LabelledTokens;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * What a run depends on, by name: training goes on from a checkpoint, and scoring after the last
 * score, only where all of it is the same. Which activations are kept is not among it, for it
 * changes no bit.
 *
 * <p>What is off is left out: so an option that comes later, and is off, does not make the
 * checkpoints before it those of another run.
 */
public final class Fingerprint {

  private static final String COMPUTE_TYPE = "compute_type";
  private static final String PRODUCT_TYPE = "product_type";
  private static final Set<String> TYPES = Set.of(COMPUTE_TYPE, PRODUCT_TYPE);

  private Fingerprint() {}

  /** Of a run over {@code examples}. */
  static Map<String, String> of(
      LlamaNetwork network,
      LoraConfig lora,
      TrainingConfig training,
      List<LabelledTokens> examples) {
    Map<String, String> fields = ofBase(network);
    addLora(lora, fields);
    addTraining(training, fields);
    fields.put("examples", String.valueOf(examples.size()));
    fields.put("examples_hash", Integer.toHexString(hash(examples)));
    return fields;
  }

  /** Of what a model with an adapter, or with none, answers. */
  public static Map<String, String> of(LlamaNetwork network, @Nullable LoraAdapter adapter) {
    Map<String, String> fields = ofBase(network);
    fields.put("adapter.checksum", adapter == null ? "none" : Long.toHexString(checksum(adapter)));
    return fields;
  }

  private static Map<String, String> ofBase(LlamaNetwork network) {
    Map<String, String> fields = new LinkedHashMap<>();
    fields.put(COMPUTE_TYPE, network.device().computeType().name());
    fields.put(PRODUCT_TYPE, network.device().productType().name());
    addBase(network.config(), fields);
    fields.put("base.checksum", Long.toHexString(network.weights().checksum()));
    return fields;
  }

  /** CRC-32C of an adapter's settings and all its values, of which there are few. */
  private static long checksum(LoraAdapter adapter) {
    Map<String, String> settings = new LinkedHashMap<>();
    addLora(adapter.config(), settings);
    CRC32C checksum = new CRC32C();
    checksum.update(settings.toString().getBytes(StandardCharsets.UTF_8));
    for (Tensor tensor : adapter.tensors()) {
      checksum.update(tensor.name().getBytes(StandardCharsets.UTF_8));
      checksum.update(tensor.segment().asByteBuffer());
    }
    return checksum.getValue();
  }

  private static void addBase(LlamaConfig base, Map<String, String> fields) {
    fields.put("base.vocab_size", String.valueOf(base.vocabSize()));
    fields.put("base.hidden_size", String.valueOf(base.hiddenSize()));
    fields.put("base.intermediate_size", String.valueOf(base.intermediateSize()));
    fields.put("base.num_hidden_layers", String.valueOf(base.numHiddenLayers()));
    fields.put("base.num_attention_heads", String.valueOf(base.numAttentionHeads()));
    fields.put("base.num_key_value_heads", String.valueOf(base.numKeyValueHeads()));
    fields.put("base.head_dim", String.valueOf(base.headDim()));
    fields.put("base.rms_norm_eps", String.valueOf(base.rmsNormEps()));
    fields.put("base.rope_theta", String.valueOf(base.ropeTheta()));
    if (!(base.ropeScaling() instanceof RopeScaling.None)) {
      fields.put("base.rope_scaling", base.ropeScaling().toString());
    }
    if (base.tieWordEmbeddings()) {
      fields.put("base.tie_word_embeddings", "true");
    }
  }

  private static void addLora(LoraConfig lora, Map<String, String> fields) {
    fields.put("lora.r", String.valueOf(lora.rank()));
    fields.put("lora.alpha", String.valueOf(lora.alpha()));
    fields.put("lora.dropout", String.valueOf(lora.dropout()));
    fields.put("lora.target_modules", text(lora.targets()));
    if (lora.rankStabilized()) {
      fields.put("lora.use_rslora", "true");
    }
    lora.layersToTransform()
        .ifPresent(layers -> fields.put("lora.layers_to_transform", layers.toString()));
    addPattern("lora.rank_pattern", lora.rankPattern().byExpression(), fields);
    addPattern("lora.alpha_pattern", lora.alphaPattern().byExpression(), fields);
  }

  private static String text(TargetModules modules) {
    return switch (modules) {
      case TargetModules.Names names -> String.join(",", names.names());
      case TargetModules.Expression expression -> expression.expression().text();
      case TargetModules.Except except ->
          text(except.targets()) + " without " + text(except.excluded());
    };
  }

  private static void addPattern(
      String name, Map<String, ? extends Number> pattern, Map<String, String> fields) {
    if (!pattern.isEmpty()) {
      fields.put(name, pattern.toString());
    }
  }

  private static void addTraining(TrainingConfig training, Map<String, String> fields) {
    fields.put("learning_rate", String.valueOf(training.learningRate()));
    fields.put("schedule", training.schedule().name());
    fields.put("warmup_steps", String.valueOf(training.warmupSteps()));
    fields.put("epochs", String.valueOf(training.epochs()));
    fields.put("batch_size", String.valueOf(training.batchSize()));
    fields.put("micro_batch_tokens", String.valueOf(training.microBatchTokens()));
    fields.put("weight_decay", String.valueOf(training.adamW().weightDecay()));
    fields.put("beta1", String.valueOf(training.adamW().beta1()));
    fields.put("beta2", String.valueOf(training.adamW().beta2()));
    fields.put("epsilon", String.valueOf(training.adamW().epsilon()));
    fields.put("max_grad_norm", String.valueOf(training.maxGradientNorm()));
    fields.put("share_prefix", String.valueOf(training.sharePrefix()));
    fields.put("evaluate_every", String.valueOf(training.evaluateEvery()));
    fields.put("patience", String.valueOf(training.patience()));
    fields.put("seed", String.valueOf(training.seed()));
  }

  private static int hash(List<LabelledTokens> examples) {
    int hash = 1;
    for (LabelledTokens example : examples) {
      hash = 31 * hash + Arrays.hashCode(example.ids());
      hash = 31 * hash + Arrays.hashCode(example.isLabel());
    }
    return hash;
  }

  /** What differs: "epochs is 3 there and 4 here". */
  public static List<String> differences(Map<String, String> there, Map<String, String> here) {
    return differing(there, here).stream()
        .map(name ->
            "%s is %s there and %s here"
                .formatted(
                    name, there.getOrDefault(name, "not set"), here.getOrDefault(name, "not set")))
        .toList();
  }

  /** Names of what differs, or is in one of the two alone. */
  public static List<String> differing(Map<String, String> there, Map<String, String> here) {
    Set<String> names = new LinkedHashSet<>(there.keySet());
    names.addAll(here.keySet());
    return names.stream().filter(name -> !Objects.equals(there.get(name), here.get(name))).toList();
  }

  /** What to do about these differences. */
  static String remedy(Map<String, String> there, Map<String, String> here) {
    String computeType = there.getOrDefault(COMPUTE_TYPE, "");
    String productType = there.getOrDefault(PRODUCT_TYPE, "");
    if (!TYPES.containsAll(differing(there, here))) {
      return "Remove it, or choose another output directory";
    }
    // The CPU alone multiplies in another type than it stores, and only GPUs store half precision.
    String device =
        computeType.equals(productType)
            ? computeType.equals(DType.F32.name()) ? "" : "--device cuda "
            : "--device cpu ";
    return "Go on with %s--compute-type %s, or remove it and begin anew"
        .formatted(device, productType);
  }
}
