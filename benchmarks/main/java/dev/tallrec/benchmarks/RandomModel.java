package dev.tallrec.benchmarks;

import dev.tallrec.backend.Device;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaNetwork;
import dev.tallrec.llama.LlamaWeights;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.lora.LoraParameters;
import java.io.IOException;

/** A model with random weights of each layer's own, and an adapter to train, on a device. */
final class RandomModel implements AutoCloseable {

  private static final int SEED = 1;

  private final RandomWeights source;
  private final LlamaWeights weights;
  private final LlamaNetwork network;
  private final LoraAdapter adapter;
  private final LoraParameters parameters;

  RandomModel(Device device, LlamaConfig config, LoraConfig adaptation) throws IOException {
    source = RandomWeights.ofEachLayer(config, device.computeType());
    weights = LlamaWeights.load(device, config, source);
    network = new LlamaNetwork(device, weights);
    adapter = LoraAdapter.initial(config, adaptation, SEED);
    parameters = new LoraParameters(device, config, adapter);
  }

  LlamaNetwork network() {
    return network;
  }

  LoraParameters parameters() {
    return parameters;
  }

  @Override
  public void close() {
    parameters.close();
    adapter.close();
    weights.close();
    source.close();
  }
}
