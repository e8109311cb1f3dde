package dev.tallrec.cli;

import dev.tallrec.backend.Cleanup;
import dev.tallrec.backend.Device;
import dev.tallrec.llama.Adapter;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraParameters;
import dev.tallrec.lora.PeftDirectory;
import dev.tallrec.model.BaseModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which model to use, and where. */
final class ModelOptions {

  @Mixin private DeviceOptions device = new DeviceOptions();

  @Mixin private BaseOption base = new BaseOption();

  @Option(
      names = "--adapter",
      paramLabel = "DIR",
      description = "LoRA adapter: a PEFT directory (default: none, the base as it is).")
  private @Nullable Path adapter;

  /** A model with its adapter. */
  record Opened(
      Device device,
      BaseModel base,
      @Nullable LoraAdapter adapter,
      @Nullable LoraParameters parameters)
      implements AutoCloseable {

    /** The adapter on the device, or none. */
    Adapter active() {
      return parameters == null ? Adapter.NONE : parameters;
    }

    @Override
    public void close() {
      if (parameters != null) {
        parameters.close();
      }
      if (adapter != null) {
        adapter.close();
      }
      base.close();
      device.close();
    }
  }

  /** What was given, as it was: for people, who know their models by that. */
  Map<String, String> given() {
    Map<String, String> given = new LinkedHashMap<>();
    given.put("--base", base.name());
    if (adapter != null) {
      given.put("--adapter", adapter.toString());
    }
    return given;
  }

  /** Opens the model, and says on standard error what it computes on: output is for results. */
  Opened open() throws IOException {
    Device opened = device.open();
    System.err.println(base.name() + "; " + opened.description());
    try {
      return open(opened);
    } catch (IOException | RuntimeException | Error e) {
      Cleanup.after(e, opened::close);
      throw e;
    }
  }

  /** Opens the model on a device, which stays the caller's if that fails. */
  Opened open(Device opened) throws IOException {
    BaseModel model = BaseModel.named(opened, base.name());
    try {
      if (adapter == null) {
        return new Opened(opened, model, null, null);
      }
      LoraAdapter read = PeftDirectory.read(adapter, model.config());
      try {
        return new Opened(opened, model, read, new LoraParameters(opened, model.config(), read));
      } catch (RuntimeException | Error e) {
        Cleanup.after(e, read::close);
        throw e;
      }
    } catch (IOException | RuntimeException | Error e) {
      Cleanup.after(e, model::close);
      throw e;
    }
  }
}
