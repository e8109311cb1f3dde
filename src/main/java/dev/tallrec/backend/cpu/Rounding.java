package dev.tallrec.backend.cpu;

import dev.tallrec.tensor.BFloat16;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** fp32 to bf16. */
final class Rounding {

  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, Vectors.FLOATS.vectorShape());
  private static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, VectorShape.forBitSize(Vectors.FLOATS.vectorBitSize() / 2));
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

  // Made once, as in VectorMath.
  private static final IntVector ONE = IntVector.broadcast(INTS, 1);
  private static final IntVector BELOW_HALF = IntVector.broadcast(INTS, 0x7fff);
  private static final IntVector MAGNITUDE = IntVector.broadcast(INTS, 0x7fffffff);
  private static final IntVector INFINITY = IntVector.broadcast(INTS, 0x7f800000);
  private static final IntVector QUIET = IntVector.broadcast(INTS, 0x40);

  private Rounding() {}

  /**
   * Rounds neighbours to nearest, ties to even, as {@link BFloat16#fromFloat}; offsets are in
   * bytes.
   */
  static void toBFloat16(
      MemorySegment source, long sourceAt, MemorySegment target, long targetAt, int count) {
    MemorySegment to = HostBuffer.offHeap(target);
    int i = 0;
    for (; i < Vectors.FLOATS.loopBound(count); i += Vectors.LANES) {
      IntVector bits =
          IntVector.fromMemorySegment(
              INTS, source, sourceAt + (long) i * Float.BYTES, Vectors.ORDER);
      IntVector upper = bits.lanewise(VectorOperators.LSHR, 16);
      IntVector nearest =
          bits.add(BELOW_HALF).add(upper.and(ONE)).lanewise(VectorOperators.LSHR, 16);
      VectorMask<Integer> nan = bits.and(MAGNITUDE).compare(VectorOperators.GT, INFINITY);
      ShortVector rounded =
          (ShortVector)
              nearest.blend(upper.or(QUIET), nan).convertShape(VectorOperators.I2S, SHORTS, 0);
      rounded.intoMemorySegment(to, targetAt + (long) i * Short.BYTES, Vectors.ORDER);
    }
    for (; i < count; i++) {
      float value = Vectors.get(source, sourceAt, i);
      to.set(SHORT, targetAt + (long) i * Short.BYTES, BFloat16.fromFloat(value));
    }
  }
}
