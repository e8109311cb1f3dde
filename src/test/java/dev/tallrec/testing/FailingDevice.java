package dev.tallrec.testing;

import dev.tallrec.backend.Buffer;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.DeviceMemoryException;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Ops;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Another device, but for one allocation or copy that fails, and it knows what of its memory is
 * open: what is made of several things must leave none behind, whichever of them fails. From then
 * on freeing memory fails, too, as after an error of CUDA that stays, and must not hide the
 * failure.
 */
public final class FailingDevice implements Device {

  /** What it has failed of. */
  public static final String MESSAGE = "the memory that was to be short";

  private final Device device;
  private final Set<CountedArena> open = new HashSet<>();
  private final List<MemorySegment> uploaded = new ArrayList<>();
  private int callsLeft = Integer.MAX_VALUE;

  /** Does what {@code device} does, which is closed with this. */
  public FailingDevice(Device device) {
    this.device = device;
  }

  /** Lets {@code calls} more allocations and copies to the device succeed; the next one fails. */
  public void failAfter(int calls) {
    callsLeft = calls;
  }

  /** Arenas that are not closed. */
  public int openArenas() {
    return open.size();
  }

  /** Whether something that was uploaded from is in memory that is not freed yet. */
  public boolean holdsHostMemory() {
    return uploaded.stream().anyMatch(segment -> segment.scope().isAlive());
  }

  private void call() {
    if (callsLeft-- == 0) {
      throw new DeviceMemoryException(MESSAGE);
    }
  }

  private final class CountedArena implements DeviceArena {
    private final DeviceArena arena = device.newArena();

    @Override
    public Buffer allocate(long byteSize, String label) {
      call();
      return arena.allocate(byteSize, label);
    }

    @Override
    public long allocatedBytes() {
      return arena.allocatedBytes();
    }

    @Override
    public void close() {
      open.remove(this);
      arena.close();
      if (callsLeft < 0) {
        throw new IllegalStateException("freed after a failure");
      }
    }
  }

  @Override
  public DeviceArena newArena() {
    CountedArena arena = new CountedArena();
    open.add(arena);
    return arena;
  }

  @Override
  public void upload(MemorySegment source, Buffer target) {
    uploaded.add(source);
    call();
    device.upload(source, target);
  }

  @Override
  public FrozenLinear loadLinear(DeviceArena arena, List<Tensor> parts) {
    return device.loadLinear(arena, parts);
  }

  @Override
  public String description() {
    return device.description();
  }

  @Override
  public DType computeType() {
    return device.computeType();
  }

  @Override
  public DType productType() {
    return device.productType();
  }

  @Override
  public Ops ops() {
    return device.ops();
  }

  @Override
  public long availableBytes() {
    return device.availableBytes();
  }

  @Override
  public void download(Buffer source, MemorySegment target) {
    device.download(source, target);
  }

  @Override
  public void synchronize() {
    device.synchronize();
  }

  @Override
  public void close() {
    device.close();
  }
}
