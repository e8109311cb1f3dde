package dev.tallrec.lora;

import dev.tallrec.backend.Cleanup;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Matrix;
import dev.tallrec.llama.Adapter;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LowRank;
import dev.tallrec.llama.Projection;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A {@link LoraAdapter}'s matrices on a device: F32 masters and gradients, each one flat vector so
 * that norm, clipping and AdamW are one operation, and the working copy in compute type. Owner of
 * that memory.
 *
 * <p>Matrices start at multiples of {@value #ALIGNMENT} elements; the gaps stay zero.
 */
public final class LoraParameters implements Adapter, AutoCloseable {

  private static final int ALIGNMENT = 64;

  private record Place(LoraPair pair, int aOffset, int bOffset) {}

  private final Device device;
  private final DeviceArena memory;
  private final List<Place> places = new ArrayList<>();
  private final @Nullable LowRank[][] pairs;
  private final Matrix masters;
  private final Matrix gradients;
  private final Matrix workingCopy;

  /** Room for {@code adapter} on {@code device}, filled with its values. */
  public LoraParameters(Device device, LlamaConfig base, LoraAdapter adapter) {
    this.device = device;
    this.memory = device.newArena();
    try {
      int size = 0;
      for (LoraPair pair : adapter.pairs()) {
        int aOffset = size;
        int bOffset = Math.addExact(aOffset, aligned(pair.a()));
        size = Math.addExact(bOffset, aligned(pair.b()));
        places.add(new Place(pair, aOffset, bOffset));
      }
      masters = Matrix.allocate(memory, "LoRA masters", DType.F32, 1, size);
      gradients = Matrix.allocate(memory, "LoRA gradients", DType.F32, 1, size);
      workingCopy =
          device.computeType() == DType.F32
              ? masters
              : Matrix.allocate(memory, "LoRA working copy", device.computeType(), 1, size);
      pairs = new @Nullable LowRank[base.numHiddenLayers()][Projection.values().length];
      for (Place place : places) {
        LoraPair pair = place.pair();
        pairs[pair.layer()][pair.projection().ordinal()] =
            new LowRank(
                part(workingCopy, place.aOffset(), pair.a().shape()),
                part(workingCopy, place.bOffset(), pair.b().shape()),
                part(gradients, place.aOffset(), pair.a().shape()),
                part(gradients, place.bOffset(), pair.b().shape()),
                adapter.config().scale(pair.layer(), pair.projection()),
                pair.layer() * Projection.values().length + pair.projection().ordinal());
      }
      upload();
    } catch (RuntimeException | Error e) {
      Cleanup.after(e, memory::close);
      throw e;
    }
  }

  private static int aligned(Tensor tensor) {
    int size = Math.toIntExact(tensor.shape().elementCount());
    return Math.ceilDiv(size, ALIGNMENT) * ALIGNMENT;
  }

  private static Matrix part(Matrix flat, int offset, Shape shape) {
    int rows = (int) shape.dimension(0);
    int columns = (int) shape.dimension(1);
    return new Matrix(flat.buffer(), flat.dtype(), offset, rows, columns, columns);
  }

  @Override
  public @Nullable LowRank at(int layer, Projection projection) {
    return pairs[layer][projection.ordinal()];
  }

  /** F32 [1, N]: the values an optimizer updates. */
  public Matrix masters() {
    return masters;
  }

  /** F32 [1, N]: what backward passes add to. */
  public Matrix gradients() {
    return gradients;
  }

  /** [1, N] in compute type: what forward passes read; the masters themselves where that is F32. */
  public Matrix workingCopy() {
    return workingCopy;
  }

  /** Sets masters and working copy from the host's adapter. */
  public void upload() {
    for (Place place : places) {
      device.upload(
          place.pair().a().segment(),
          part(masters, place.aOffset(), place.pair().a().shape()).bytes());
      device.upload(
          place.pair().b().segment(),
          part(masters, place.bOffset(), place.pair().b().shape()).bytes());
    }
    refreshWorkingCopy();
  }

  /** Makes the working copy what the masters are. */
  public void refreshWorkingCopy() {
    if (workingCopy != masters) {
      device.ops().copy(masters, workingCopy);
    }
  }

  /** Writes the masters to the host's adapter. */
  public void download() {
    for (Place place : places) {
      device.download(
          part(masters, place.aOffset(), place.pair().a().shape()).bytes(),
          place.pair().a().segment());
      device.download(
          part(masters, place.bOffset(), place.pair().b().shape()).bytes(),
          place.pair().b().segment());
    }
  }

  /** The gradients under PEFT's names, in memory of {@code arena}. */
  public List<Tensor> downloadGradients(Arena arena) {
    List<Tensor> result = new ArrayList<>();
    for (Place place : places) {
      result.add(gradient(arena, place.pair().a(), place.aOffset()));
      result.add(gradient(arena, place.pair().b(), place.bOffset()));
    }
    return result;
  }

  private Tensor gradient(Arena arena, Tensor like, int offset) {
    MemorySegment values = arena.allocate(like.segment().byteSize(), Float.BYTES);
    device.download(part(gradients, offset, like.shape()).bytes(), values);
    return new Tensor(like.name(), DType.F32, like.shape(), values);
  }

  @Override
  public void close() {
    memory.close();
  }
}
