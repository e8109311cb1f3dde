package dev.tallrec.backend.profile;

import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.Ops;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;

/** Takes the time of every operation of a device by the host's clock, waiting for each to end. */
final class HostClock {

  private final Ops ops;
  private final List<ProfiledDevice.Event> events = new ArrayList<>();

  HostClock(Device device) {
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
                    long nanos = System.nanoTime() - start;
                    events.add(
                        new ProfiledDevice.Event(
                            method.getName(),
                            start,
                            nanos,
                            flop(method.getName(), arguments),
                            bytes(arguments)));
                  }
                });
  }

  /** Whether the first operand's rows are multiplied with frozen weights, not looked up in them. */
  private static boolean isProduct(Object[] arguments) {
    return arguments.length > 1
        && arguments[0] instanceof Matrix
        && arguments[1] instanceof FrozenLinear;
  }

  private static double flop(String operation, Object[] arguments) {
    if (isProduct(arguments)) {
      FrozenLinear weight = (FrozenLinear) arguments[1];
      return 2.0 * ((Matrix) arguments[0]).rows() * weight.inFeatures() * weight.outFeatures();
    }
    for (Object argument : arguments) {
      if (argument instanceof AttentionLayout layout) {
        return layout.flop(
            operation.equals("attention") ? 2 : 5, ((Matrix) arguments[0]).columns());
      }
    }
    return 0;
  }

  /** Of matrices and, in a product, of the weights. */
  private static long bytes(Object[] arguments) {
    long bytes = 0;
    for (Object argument : arguments) {
      bytes +=
          switch (argument) {
            case Matrix matrix -> matrix.elementBytes();
            case FrozenLinear weight when isProduct(arguments) ->
                (long) weight.inFeatures() * weight.outFeatures() * weight.storageType().byteSize();
            case null, default -> 0;
          };
    }
    return bytes;
  }

  /** The device's operations, timed. */
  Ops ops() {
    return ops;
  }

  /** Everything done since the last call. */
  List<ProfiledDevice.Event> takeEvents() {
    List<ProfiledDevice.Event> taken = List.copyOf(events);
    events.clear();
    return taken;
  }
}
