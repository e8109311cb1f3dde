package dev.tallrec.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tallrec.backend.Dropout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DropoutMaskTest {

  private static final int ROWS = 3;
  private static final int MOST_COLUMNS = 200;

  /** Philox 4x32-10 as its definition says, words as unsigned numbers. */
  private static long[] philox(long key0, long key1, long... counter) {
    long[] c = counter;
    for (int round = 0; round < 10; round++) {
      long product0 = 0xD2511F53L * c[0];
      long product1 = 0xCD9E8D57L * c[2];
      c =
          new long[] {
            product1 >>> 32 ^ c[1] ^ (key0 + round * 0x9E3779B9L & 0xFFFFFFFFL),
            product1 & 0xFFFFFFFFL,
            product0 >>> 32 ^ c[3] ^ (key1 + round * 0xBB67AE85L & 0xFFFFFFFFL),
            product0 & 0xFFFFFFFFL
          };
    }
    return c;
  }

  private static boolean isKept(Dropout dropout, int row, int column) {
    long[] words =
        philox(
            dropout.seed() & 0xFFFFFFFFL,
            dropout.seed() >>> 32,
            column / 4,
            row,
            Integer.toUnsignedLong(dropout.stream()),
            0);
    return words[column % 4] >= Integer.toUnsignedLong(dropout.threshold());
  }

  /** x[column] of a row; none is 0. */
  private static float element(int row, int column) {
    return (row + 1) * 1000 + column;
  }

  /** Answers published with the generator, in the file kat_vectors of Random123. */
  @Test
  void thisTestsPhiloxGivesTheKnownAnswers() {
    long ones = 0xFFFFFFFFL;
    assertThat(philox(0, 0, 0, 0, 0, 0))
        .containsExactly(0x6627e8d5L, 0xe169c58dL, 0xbc57ac4cL, 0x9b00dbd8L);
    assertThat(philox(ones, ones, ones, ones, ones, ones))
        .containsExactly(0x408f276dL, 0x41c83b0eL, 0xa20bc7c6L, 0x6d5451fdL);
    assertThat(philox(0xa4093822L, 0x299f31d0L, 0x243f6a88L, 0x85a308d3L, 0x13198a2eL, 0x03707344L))
        .containsExactly(0xd16cfe09L, 0x94fdccebL, 0x5001e420L, 0x24126ea1L);
  }

  @ParameterizedTest
  @ValueSource(
      floats = {Float.MIN_VALUE, 0x1p-32f, 1e-6f, 0.05f, 0.5f, 0.6089f, 0.9f, 0x1.fffffep-1f})
  void keepsWhatPhiloxSays(float probability) {
    long[] seeds = {0, -1, 0x123456789ABCDEFL, 0x8000000080000000L};
    int[] streams = {0, 7, -1, Integer.MIN_VALUE};
    try (Arena arena = Arena.ofShared();
        DropoutMask mask = new DropoutMask()) {
      MemorySegment x = arena.allocate(ValueLayout.JAVA_FLOAT, MOST_COLUMNS);
      MemorySegment out = arena.allocate(ValueLayout.JAVA_FLOAT, MOST_COLUMNS);
      for (int columns = 1; columns <= MOST_COLUMNS; columns++) {
        Dropout dropout =
            new Dropout(probability, seeds[columns % seeds.length], streams[columns / 4 % 4]);
        mask.set(dropout, ROWS, columns);
        for (int row = 0; row < ROWS; row++) {
          mask.make(row);
        }
        for (int row = 0; row < ROWS; row++) {
          check(mask, dropout, row, columns, x, out);
        }
      }
    }
  }

  private static void check(
      DropoutMask mask, Dropout dropout, int row, int columns, MemorySegment x, MemorySegment out) {
    float[] expected = new float[columns];
    float[] sum = new float[columns];
    for (int i = 0; i < columns; i++) {
      Vectors.set(x, 0, i, element(row, i));
      expected[i] = isKept(dropout, row, i) ? element(row, i) : 0;
      sum[i] = expected[i] + 1;
      Vectors.set(out, 0, i, 1);
    }
    mask.addKept(row, x, 0, out, 0);
    assertThat(values(out, columns)).containsExactly(sum);
    mask.keep(row, 0, x, 0, out, 0, columns);
    assertThat(values(out, columns)).containsExactly(expected);
    for (int from = 64; from < columns; from += 64) {
      long at = (long) from * Float.BYTES;
      mask.keep(row, from, x, at, out, at, columns - from);
      assertThat(values(out, columns)).containsExactly(expected);
    }
    mask.keep(row, 0, x, 0, x, 0, columns);
    assertThat(values(x, columns)).containsExactly(expected);
  }

  private static float[] values(MemorySegment segment, int columns) {
    float[] values = new float[columns];
    for (int i = 0; i < columns; i++) {
      values[i] = Vectors.get(segment, 0, i);
    }
    return values;
  }

  /** What is dropped is 0, whatever it was. */
  @Test
  void dropsNaN() {
    try (Arena arena = Arena.ofShared();
        DropoutMask mask = new DropoutMask()) {
      MemorySegment x = arena.allocate(ValueLayout.JAVA_FLOAT, MOST_COLUMNS);
      for (int i = 0; i < MOST_COLUMNS; i++) {
        Vectors.set(x, 0, i, Float.NaN);
      }
      Dropout dropout = new Dropout(0.5f, 3, 1);
      mask.set(dropout, 1, MOST_COLUMNS);
      mask.make(0);
      mask.keep(0, 0, x, 0, x, 0, MOST_COLUMNS);
      float[] values = values(x, MOST_COLUMNS);
      for (int i = 0; i < MOST_COLUMNS; i++) {
        assertThat(Float.isNaN(values[i])).isEqualTo(isKept(dropout, 0, i));
      }
    }
  }
}
