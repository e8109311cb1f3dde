package dev.tallrec.backend.profile;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Where a step's time goes: operations or kernels, the longest first, and how fast each is beside
 * the device's best.
 *
 * @param sums by name
 * @param nanos of the step, from the first to the last of its events
 */
public record OperationTable(Map<String, Sum> sums, double nanos) {

  private static final int NAME_WIDTH = 20;

  /**
   * What a device does at best, a second.
   *
   * @param flop floating-point operations of products
   * @param bytes read and written
   */
  public record Ceilings(double flop, double bytes) {}

  /** Time, products and bytes of an operation. */
  public record Sum(int calls, long nanos, double flop, long bytes) {
    static final Sum NONE = new Sum(0, 0, 0, 0);

    private Sum plus(ProfiledDevice.Event event) {
      return new Sum(calls + 1, nanos + event.nanos(), flop + event.flop(), bytes + event.bytes());
    }

    /** Rate and its share of the ceiling: of products by operations, of all else by bytes. */
    private String rate(Ceilings ceilings) {
      double seconds = nanos / 1e9;
      if (seconds == 0) {
        return "";
      }
      if (flop > 0) {
        return "%,10.0f GFLOP/s %6.1f%%"
            .formatted(flop / 1e9 / seconds, 100 * flop / seconds / ceilings.flop);
      }
      return bytes > 0
          ? "%,10.1f GB/s    %6.1f%%"
              .formatted(bytes / 1e9 / seconds, 100 * bytes / seconds / ceilings.bytes)
          : "";
    }
  }

  /** Of a step's events, in order; at least one. */
  public static OperationTable of(List<ProfiledDevice.Event> events) {
    Map<String, Sum> sums = new LinkedHashMap<>();
    for (ProfiledDevice.Event event : events) {
      sums.put(event.name(), sums.getOrDefault(event.name(), Sum.NONE).plus(event));
    }
    ProfiledDevice.Event end = events.getLast();
    double nanos = end.startNanos() + end.nanos() - events.getFirst().startNanos();
    return new OperationTable(sums, nanos);
  }

  /** Of the operations alone, without what is between them. */
  public double busyNanos() {
    return sums.values().stream().mapToLong(Sum::nanos).sum();
  }

  /** The table as text, a line an operation below two lines of headings. */
  public List<String> lines(Ceilings ceilings) {
    List<String> lines = new ArrayList<>();
    lines.add(
        "at best %,.0f GFLOP/s in products, %,.1f GB/s in copies"
            .formatted(ceilings.flop / 1e9, ceilings.bytes / 1e9));
    // Names of kernels can be longer than those of operations.
    int width =
        Math.max(NAME_WIDTH, sums.keySet().stream().mapToInt(String::length).max().orElse(0));
    String name = "%-" + width + "s";
    lines.add(
        (name + " %6s %10s %7s %18s %7s")
            .formatted("operation", "calls", "ms", "share", "rate", "of best"));
    double all = busyNanos();
    sums.entrySet().stream()
        .sorted((a, b) -> Long.compare(b.getValue().nanos(), a.getValue().nanos()))
        .forEach(entry -> {
          Sum sum = entry.getValue();
          lines.add(
              (name + " %6d %10.2f %6.1f%% %s")
                  .formatted(
                      entry.getKey(),
                      sum.calls(),
                      sum.nanos() / 1e6,
                      100 * sum.nanos() / all,
                      sum.rate(ceilings))
                  .stripTrailing());
        });
    return lines;
  }
}
