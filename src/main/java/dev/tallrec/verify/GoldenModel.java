package dev.tallrec.verify;

import dev.tallrec.backend.Device;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaNetwork;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.PeftDirectory;
import dev.tallrec.safetensors.SafetensorsModel;
import dev.tallrec.tensor.DType;
import java.io.IOException;

/**
 * A fixture's model on the device that is compared, beside the values that PyTorch computed with
 * it.
 */
record GoldenModel(Device device, Fixture fixture, SafetensorsModel model, LlamaNetwork network) {

  // Half precision: 51 times eps of the type, what rounding of some tens of operations in a row is
  // in all. PyTorch's own gradients are off by as much as 0.018 and 0.198 in small random models.
  private static final double FP16_TOLERANCE = 2.5e-2;
  private static final double BF16_TOLERANCE = 2e-1;

  LlamaConfig config() {
    return network.weights().config();
  }

  /** The adapter as the fixture has it; a new one each time, as some are tuned. */
  LoraAdapter adapter() throws IOException {
    return PeftDirectory.read(fixture.adapter(), config());
  }

  /** What values of this device may be off by, relative to the largest of their group. */
  double tolerance() {
    return switch (device.productType()) {
      case F32 -> Verification.FP32_TOLERANCE;
      case F16 -> FP16_TOLERANCE;
      default -> BF16_TOLERANCE;
    };
  }

  /** What weights may be after AdamW, which divides by a gradient's size, off as well. */
  double stepTolerance() {
    return device.productType() == DType.F32 ? tolerance() : 2 * tolerance();
  }
}
