package dev.tallrec.testing;

import dev.tallrec.backend.Buffer;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Ops;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A device whose operations are plain loops: what is right. */
public final class ReferenceDevice implements Device {

  /** Host memory. */
  record Memory(MemorySegment segment) implements Buffer {
    @Override
    public long byteSize() {
      return segment.byteSize();
    }

    @Override
    public Buffer slice(long byteOffset, long byteSize) {
      return new Memory(segment.asSlice(byteOffset, byteSize));
    }
  }

  /** Weights as fp32. */
  record Linear(float[][] rows, DType storageType) implements FrozenLinear {
    @Override
    public int outFeatures() {
      return rows.length;
    }

    @Override
    public int inFeatures() {
      return rows[0].length;
    }

    @Override
    public FrozenLinear outputs(int first, int count) {
      return new Linear(Arrays.copyOfRange(rows, first, first + count), storageType);
    }
  }

  private final ReferenceOps ops = new ReferenceOps();

  @Override
  public String description() {
    return "reference";
  }

  @Override
  public DType computeType() {
    return DType.F32;
  }

  @Override
  public Ops ops() {
    return ops;
  }

  @Override
  public DeviceArena newArena() {
    Arena arena = Arena.ofShared();
    return new DeviceArena() {
      private long allocated;

      @Override
      public Buffer allocate(long byteSize, String label) {
        allocated += byteSize;
        return new Memory(arena.allocate(byteSize, 64));
      }

      @Override
      public long allocatedBytes() {
        return allocated;
      }

      @Override
      public void close() {
        arena.close();
      }
    };
  }

  @Override
  public long availableBytes() {
    return Long.MAX_VALUE;
  }

  @Override
  public void upload(MemorySegment source, Buffer target) {
    ((Memory) target).segment().copyFrom(source);
  }

  @Override
  public void download(Buffer source, MemorySegment target) {
    target.copyFrom(((Memory) source).segment());
  }

  @Override
  public void synchronize() {}

  @Override
  public FrozenLinear loadLinear(DeviceArena arena, List<Tensor> parts) {
    List<float[]> rows = new ArrayList<>();
    for (Tensor part : parts) {
      int in = (int) part.shape().dimension(1);
      for (int r = 0; r < part.shape().dimension(0); r++) {
        float[] row = new float[in];
        for (int i = 0; i < in; i++) {
          row[i] = part.floatAt((long) r * in + i);
        }
        rows.add(row);
      }
    }
    return new Linear(rows.toArray(float[][]::new), parts.getFirst().dtype());
  }

  @Override
  public void close() {}
}
