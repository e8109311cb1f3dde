package dev.tallrec.backend.profile;

import dev.tallrec.backend.Buffer;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Ops;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Supplier;

/** A device that tells how long everything it was asked for took. */
public final class ProfiledDevice implements Device {

  /** What copies are called; nothing else is. */
  public static final String COPY_TO_DEVICE = "copy to device";

  /** The same from the device. */
  public static final String COPY_TO_HOST = "copy to host";

  /**
   * Something that was done.
   *
   * @param name of the operation, or of a kernel
   * @param startNanos when it began, by {@link System#nanoTime}
   * @param nanos how long it took
   * @param flop floating-point operations of products, 2 a multiply-add; 0 for others
   * @param bytes of the matrices that it reads or writes, each once, or that it copies: what has to
   *     be moved at least, but for lookups, which count the rows found
   */
  public record Event(String name, long startNanos, long nanos, double flop, long bytes) {

    /** Whether it copied between the host and the device. */
    public boolean isCopy() {
      return name.equals(COPY_TO_DEVICE) || name.equals(COPY_TO_HOST);
    }
  }

  private final Device device;
  private final Ops ops;
  private final Supplier<List<Event>> events;
  private final List<String> remarks;

  /** Takes times of {@code device}'s operations by the host's clock; it is closed with this. */
  public ProfiledDevice(Device device) {
    HostClock clock = new HostClock(device);
    this.device = device;
    this.ops = clock.ops();
    this.events = clock::takeEvents;
    this.remarks = List.of();
  }

  /**
   * Of a device that takes times itself.
   *
   * @param device closed with this
   * @param events gives everything done since it was last asked, waiting for it
   * @param remarks on what these times are, for those who read them
   */
  public ProfiledDevice(Device device, Supplier<List<Event>> events, List<String> remarks) {
    this.device = device;
    this.ops = device.ops();
    this.events = events;
    this.remarks = List.copyOf(remarks);
  }

  /** What to say below a table of its times; may be empty. */
  public List<String> remarks() {
    return remarks;
  }

  /** Everything done since the last call. */
  public List<Event> takeEvents() {
    return events.get();
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
    return ops;
  }

  @Override
  public DeviceArena newArena() {
    return device.newArena();
  }

  @Override
  public int bestProductSize() {
    return device.bestProductSize();
  }

  @Override
  public long availableBytes() {
    return device.availableBytes();
  }

  @Override
  public void upload(MemorySegment source, Buffer target) {
    device.upload(source, target);
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
  public FrozenLinear loadLinear(DeviceArena arena, List<Tensor> parts) {
    return device.loadLinear(arena, parts);
  }

  @Override
  public void close() {
    device.close();
  }
}
