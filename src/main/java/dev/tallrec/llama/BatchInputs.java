package dev.tallrec.llama;

import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Device side of a {@link TokenBatch}: all its ints (and the label weights, of the same size) in
 * one buffer, so that a micro-batch is one copy.
 */
final class BatchInputs {

  private final Arena host;
  private final int capacity;
  private final int segmentInts;
  private final Indices all;
  private @Nullable MemorySegment staging;

  /**
   * Room in {@code memory}, and at the first upload in {@code host}, so that a plan, which uploads
   * nothing, takes none.
   */
  BatchInputs(DeviceArena memory, Arena host, int capacity, int maxSequences) {
    this.host = host;
    this.capacity = capacity;
    this.segmentInts = maxSequences * AttentionLayout.INTS_PER_SEGMENT;
    this.all = Indices.allocate(memory, "batch inputs", 8 * capacity + 2 * segmentInts);
  }

  void upload(Device device, TokenBatch batch) {
    if (batch.capacity() > capacity || batch.segments.length > segmentInts) {
      throw new IllegalArgumentException(
          "the workspace was planned for %d tokens, the batch may hold %d"
              .formatted(capacity, batch.capacity()));
    }
    MemorySegment ints = staging();
    stage(batch.ids, ints, 0, batch.tokens());
    stage(batch.positions, ints, 1, batch.tokens());
    stage(batch.lastRows, ints, 2, batch.lastCount());
    stage(batch.lastPositions, ints, 3, batch.lastCount());
    stage(batch.labelRows, ints, 4, batch.labels());
    stage(batch.targets, ints, 5, batch.labels());
    MemorySegment.copy(
        batch.weights, 0, ints, ValueLayout.JAVA_FLOAT, slot(6) * Integer.BYTES, batch.labels());
    stage(batch.repeatedRows, ints, 7, batch.repeats());
    long segments = slot(8) * Integer.BYTES;
    MemorySegment.copy(
        batch.segments, 0, ints, ValueLayout.JAVA_INT, segments, batch.segments.length);
    MemorySegment.copy(
        batch.lastSegments,
        0,
        ints,
        ValueLayout.JAVA_INT,
        segments + (long) segmentInts * Integer.BYTES,
        batch.lastSegments.length);
    device.upload(ints, all.buffer());
  }

  private MemorySegment staging() {
    MemorySegment made = staging;
    if (made == null) {
      made = host.allocate((long) all.count() * Integer.BYTES, 64);
      staging = made;
    }
    return made;
  }

  private long slot(int index) {
    return (long) index * capacity;
  }

  private void stage(int[] values, MemorySegment ints, int slot, int count) {
    MemorySegment.copy(values, 0, ints, ValueLayout.JAVA_INT, slot(slot) * Integer.BYTES, count);
  }

  private Indices part(int slot, int count) {
    return new Indices(all.buffer(), slot(slot), count);
  }

  Indices ids(TokenBatch batch) {
    return part(0, batch.tokens());
  }

  Indices positions(TokenBatch batch) {
    return part(1, batch.tokens());
  }

  Indices lastRows(TokenBatch batch) {
    return part(2, batch.lastCount());
  }

  Indices lastPositions(TokenBatch batch) {
    return part(3, batch.lastCount());
  }

  Indices labelRows(TokenBatch batch) {
    return part(4, batch.labels());
  }

  Indices targets(TokenBatch batch) {
    return part(5, batch.labels());
  }

  Matrix weights(TokenBatch batch) {
    return new Matrix(all.buffer(), DType.F32, slot(6), batch.labels(), 1, 1);
  }

  Indices repeatedRows(TokenBatch batch) {
    return part(7, batch.repeats());
  }

  AttentionLayout layout(TokenBatch batch) {
    return new AttentionLayout(
        new Indices(all.buffer(), slot(8), segmentInts),
        batch.sequences(),
        batch.tokens(),
        batch.keyRows(),
        batch.maxLength(),
        batch.pairs());
  }

  AttentionLayout lastLayout(TokenBatch batch) {
    return new AttentionLayout(
        new Indices(all.buffer(), slot(8) + segmentInts, segmentInts),
        batch.lastSequences(),
        batch.lastCount(),
        batch.keyRows(),
        batch.lastMaxLength(),
        batch.lastPairs());
  }
}
