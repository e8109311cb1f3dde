package dev.tallrec.testing;

import dev.tallrec.backend.Device;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaConfigReader;
import dev.tallrec.llama.LlamaNetwork;
import dev.tallrec.llama.LlamaWeights;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraParameters;
import dev.tallrec.lora.PeftDirectory;
import dev.tallrec.safetensors.SafetensorsModel;
import java.io.IOException;
import java.nio.file.Path;

/** A fixture's model with its adapter on a device. */
public final class LoadedModel implements AutoCloseable {

  public final Device device;
  public final LlamaConfig config;
  public final LlamaNetwork network;
  public final LoraAdapter adapter;
  public final LoraParameters parameters;
  private final SafetensorsModel files;
  private final LlamaWeights weights;

  /** Loads the golden fixture {@code name} on {@code device}, which is closed with this. */
  public static LoadedModel golden(Device device, String name) throws IOException {
    return new LoadedModel(
        device, Fixtures.golden(name).resolve("model"), Fixtures.golden(name).resolve("adapter"));
  }

  public LoadedModel(Device device, Path model, Path adapter) throws IOException {
    this.device = device;
    this.config = LlamaConfigReader.read(model);
    this.files = SafetensorsModel.open(model);
    this.weights = LlamaWeights.load(device, config, files::tensor);
    this.network = new LlamaNetwork(device, weights);
    this.adapter = PeftDirectory.read(adapter, config);
    this.parameters = new LoraParameters(device, config, this.adapter);
  }

  /** What passes over the model with its adapter compute in; the caller closes it. */
  public Workspace workspace(WorkspacePlan plan) {
    return new Workspace(device, config, parameters, plan);
  }

  @Override
  public void close() {
    parameters.close();
    adapter.close();
    weights.close();
    files.close();
    device.close();
  }
}
