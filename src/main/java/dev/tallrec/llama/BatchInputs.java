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

/**
 * Device side of a {@link TokenBatch}: all its ints (and the label weights, of the same size) in
 * one buffer, so that a micro-batch is one copy.
 */
final class BatchInputs implements AutoCloseable {

  private final Arena arena = Arena.ofShared();
  private final int capacity;
  private final int segmentInts;
  private final MemorySegment staging;
  private final Indices all;

  BatchInputs(DeviceArena memory, int capacity, int maxSequences) {
    this.capacity = capacity;
    this.segmentInts = maxSequences * AttentionLayout.INTS_PER_SEGMENT;
    int ints = 8 * capacity + 2 * segmentInts;
    this.staging = arena.allocate((long) ints * Integer.BYTES, 64);
    this.all = Indices.allocate(memory, "batch inputs", ints);
  }

  void upload(Device device, TokenBatch batch) {
    if (batch.capacity() > capacity || batch.segments.length > segmentInts) {
      throw new IllegalArgumentException(
          "the workspace was planned for %d tokens, the batch may hold %d"
              .formatted(capacity, batch.capacity()));
    }
    stage(batch.ids, 0, batch.tokens());
    stage(batch.positions, 1, batch.tokens());
    stage(batch.lastRows, 2, batch.lastCount());
    stage(batch.lastPositions, 3, batch.lastCount());
    stage(batch.labelRows, 4, batch.labels());
    stage(batch.targets, 5, batch.labels());
    MemorySegment.copy(
        batch.weights, 0, staging, ValueLayout.JAVA_FLOAT, slot(6) * Integer.BYTES, batch.labels());
    stage(batch.repeatedRows, 7, batch.repeats());
    long segments = slot(8) * Integer.BYTES;
    MemorySegment.copy(
        batch.segments, 0, staging, ValueLayout.JAVA_INT, segments, batch.segments.length);
    MemorySegment.copy(
        batch.lastSegments,
        0,
        staging,
        ValueLayout.JAVA_INT,
        segments + (long) segmentInts * Integer.BYTES,
        batch.lastSegments.length);
    device.upload(staging, all.buffer());
  }

  private long slot(int index) {
    return (long) index * capacity;
  }

  private void stage(int[] values, int slot, int count) {
    MemorySegment.copy(values, 0, staging, ValueLayout.JAVA_INT, slot(slot) * Integer.BYTES, count);
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

  @Override
  public void close() {
    arena.close();
  }
}
