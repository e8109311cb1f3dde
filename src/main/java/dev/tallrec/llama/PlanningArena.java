package dev.tallrec.llama;

import dev.tallrec.backend.Buffer;
import dev.tallrec.backend.DeviceArena;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Counts what would be allocated, and allocates nothing: a plan is made by the code that will run.
 */
public final class PlanningArena implements DeviceArena {

  private record Unbacked(long byteSize) implements Buffer {
    @Override
    public Buffer slice(long byteOffset, long size) {
      Objects.checkFromIndexSize(byteOffset, size, byteSize);
      return new Unbacked(size);
    }
  }

  private final List<PlannedBuffer> buffers = new ArrayList<>();

  @Override
  public Buffer allocate(long byteSize, String label) {
    buffers.add(new PlannedBuffer(label, byteSize));
    return new Unbacked(byteSize);
  }

  /** Everything asked for so far. */
  public List<PlannedBuffer> buffers() {
    return List.copyOf(buffers);
  }

  @Override
  public long allocatedBytes() {
    return PlannedBuffer.sum(buffers);
  }

  @Override
  public void close() {
    buffers.clear();
  }
}
