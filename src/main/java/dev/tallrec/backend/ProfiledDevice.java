package dev.tallrec.backend;

import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;

/**
 * A device that takes the time of every operation. It waits for each to end, so that asynchronous
 * devices do not overlap launches: the sum is a little more than without it.
 */
public final class ProfiledDevice implements Device {

  /**
   * An operation that was done.
   *
   * @param name of the operation
   * @param startNanos when it began, by {@link System#nanoTime}
   * @param nanos how long it took
   * @param flop floating-point operations of products, 2 a multiply-add; 0 for others
   */
  public record Event(String name, long startNanos, long nanos, double flop) {}

  private final Device device;
  private final Ops ops;
  private final List<Event> events = new ArrayList<>();

  /** Takes times of {@code device}, which is closed with this. */
  public ProfiledDevice(Device device) {
    this.device = device;
    Ops target = device.ops();
    ops =
        (Ops)
            Proxy.newProxyInstance(
                Ops.class.getClassLoader(),
                new Class<?>[] {Ops.class},
                (proxy, method, arguments) -> {
                  long start = System.nanoTime();
                  try {
                    return method.invoke(target, arguments);
                  } catch (InvocationTargetException e) {
                    throw e.getCause() == null ? e : e.getCause();
                  } finally {
                    device.synchronize();
                    events.add(
                        new Event(
                            method.getName(), start, System.nanoTime() - start, flop(arguments)));
                  }
                });
  }

  /** Of a product with frozen weights: its first operand's rows times the weights. */
  private static double flop(Object[] arguments) {
    return arguments.length > 1
            && arguments[0] instanceof Matrix x
            && arguments[1] instanceof FrozenLinear weight
        ? 2.0 * x.rows() * weight.inFeatures() * weight.outFeatures()
        : 0;
  }

  /** Everything done since the last call. */
  public List<Event> takeEvents() {
    List<Event> taken = List.copyOf(events);
    events.clear();
    return taken;
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
  public Ops ops() {
    return ops;
  }

  @Override
  public DeviceArena newArena() {
    return device.newArena();
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
