package dev.tallrec.benchmarks;

import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaConfigReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Sizes of models that are benchmarked with random weights. */
public enum ModelShape {
  /** The base that comes with the program. */
  MINI(256, 688, 8, 4, 6, 8192),
  /** 15 million parameters beside the embedding's. */
  M15(288, 768, 6, 6, 6, 32000),
  /** 110 million. */
  M110(768, 2048, 12, 12, 12, 32000),
  /** One layer of LLaMA-7B. */
  LAYER_OF_7B(4096, 11008, 32, 32, 1, 32000),
  /** LLaMA-7B. */
  LLAMA_7B(4096, 11008, 32, 32, 32, 32000);

  private final String json;

  ModelShape(int hidden, int intermediate, int heads, int kvHeads, int layers, int vocab) {
    json =
        """
        {"model_type": "llama", "hidden_size": %d, "intermediate_size": %d, "num_attention_heads": %d,
         "num_key_value_heads": %d, "num_hidden_layers": %d, "vocab_size": %d, "rms_norm_eps": 1e-5,
         "hidden_act": "silu", "max_position_embeddings": 1024, "tie_word_embeddings": true}
        """
            .formatted(hidden, intermediate, heads, kvHeads, layers, vocab);
  }

  /** The configuration. */
  public LlamaConfig config() {
    try {
      Path directory = Files.createTempDirectory("tallrec-shape-");
      Path file = directory.resolve("config.json");
      Files.writeString(file, json);
      LlamaConfig config = LlamaConfigReader.read(directory);
      Files.delete(file);
      Files.delete(directory);
      return config;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
