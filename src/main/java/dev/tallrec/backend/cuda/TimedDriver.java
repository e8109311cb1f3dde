package dev.tallrec.backend.cuda;

import dev.tallrec.backend.profile.ProfiledDevice;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * A driver that lets the device take the time of every kernel, product and copy: an event before
 * and one behind each. Nothing waits for them until {@link #takeEvents}, so that launches follow
 * each other as they do without it.
 */
final class TimedDriver extends ForwardingDriver {

  /** A launch that may not have begun yet. */
  private record Launch(String name, double flop, long bytes, TimingEvent start, TimingEvent end) {}

  // All events are owned here, whoever uses them: closing them is one loop, even after a failed
  // launch.
  private final List<TimingEvent> owned = new ArrayList<>();
  private final Deque<TimingEvent> unused = new ArrayDeque<>();
  private final List<Launch> launches = new ArrayList<>();
  private long firstAsked;

  /** Takes times of {@code target}, which is closed with this. */
  TimedDriver(CudaDriver target) {
    super(target);
  }

  private TimingEvent record() {
    TimingEvent event = unused.poll();
    if (event == null) {
      event = newEvent();
      owned.add(event);
    }
    event.record();
    return event;
  }

  private void time(String name, double flop, long bytes, Runnable launch) {
    if (launches.isEmpty()) {
      firstAsked = System.nanoTime();
    }
    TimingEvent start = record();
    launch.run();
    launches.add(new Launch(name, flop, bytes, start, record()));
  }

  /**
   * Waits for everything asked for so far, and tells what was launched since the last call. Starts
   * are as the device counts time, from the host's time of asking for the first launch.
   */
  List<ProfiledDevice.Event> takeEvents() {
    synchronize();
    List<ProfiledDevice.Event> taken = new ArrayList<>();
    for (Launch launch : launches) {
      long start = launch.start.nanosSince(launches.getFirst().start);
      long nanos = launch.end.nanosSince(launch.start);
      taken.add(
          new ProfiledDevice.Event(
              launch.name, firstAsked + start, nanos, launch.flop, launch.bytes));
    }
    for (Launch launch : launches) {
      unused.add(launch.start);
      unused.add(launch.end);
    }
    launches.clear();
    return taken;
  }

  @Override
  public void copyToDevice(MemorySegment source, long address) {
    time(
        ProfiledDevice.COPY_TO_DEVICE,
        0,
        source.byteSize(),
        () -> super.copyToDevice(source, address));
  }

  @Override
  public void copyToHost(long source, MemorySegment segment) {
    time(
        ProfiledDevice.COPY_TO_HOST,
        0,
        segment.byteSize(),
        () -> super.copyToHost(source, segment));
  }

  @Override
  public void launch(String kernel, Grid grid, int threads, Object... arguments) {
    time(kernel, 0, Span.bytes(arguments), () -> super.launch(kernel, grid, threads, arguments));
  }

  @Override
  public void launchProducts(
      String kernel, double flop, Grid grid, int threads, Object... arguments) {
    time(
        kernel,
        flop,
        Span.bytes(arguments),
        () -> super.launchProducts(kernel, flop, grid, threads, arguments));
  }

  @Override
  public void gemm(Gemm gemm) {
    time(
        (gemm.transposeB() ? "gemm_nt" : "gemm_nn") + CudaOps.suffix(gemm.type()),
        gemm.flop(),
        gemm.bytes(),
        () -> super.gemm(gemm));
  }

  @Override
  public void close() {
    launches.clear();
    unused.clear();
    owned.forEach(TimingEvent::close);
    owned.clear();
    super.close();
  }
}
