package dev.tallrec.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Dropout;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LowRankProductsTest {

  private static final int ROWS = 203;

  private static Matrix random(DeviceArena arena, String name, int rows, int columns) {
    Matrix matrix = Matrix.allocate(arena, name, DType.F32, rows, columns);
    SplittableRandom random = new SplittableRandom(name.hashCode());
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        float value = (float) random.nextDouble(-1, 1);
        Vectors.set(HostBuffer.of(matrix), Vectors.at(matrix, row), column, value);
      }
    }
    return matrix;
  }

  /** The forward and backward pass; all that they write, the bytes of one matrix after another. */
  private static byte[][] results(int threads, int in, int out, int rank, Dropout dropout) {
    try (CpuDevice device = new CpuDevice(threads);
        DeviceArena arena = device.newArena()) {
      Matrix x = random(arena, "x", ROWS, in);
      Matrix a = random(arena, "a", rank, in);
      Matrix b = random(arena, "b", out, rank);
      Matrix u = random(arena, "u", ROWS, rank);
      Matrix y = random(arena, "y", ROWS, out);
      Matrix dy = random(arena, "dy", ROWS, out);
      Matrix du = random(arena, "du", ROWS, rank);
      Matrix da = random(arena, "da", rank, in);
      Matrix db = random(arena, "db", out, rank);
      Matrix dx = random(arena, "dx", ROWS, in);
      device.ops().lora(x, a, b, 2, dropout, u, y);
      device.ops().loraBackward(dy, x, u, a, b, 2, dropout, du, da, db, dx);
      return new byte[][] {bytes(u), bytes(y), bytes(du), bytes(da), bytes(db), bytes(dx)};
    }
  }

  private static byte[] bytes(Matrix matrix) {
    MemorySegment segment = HostBuffer.of(matrix);
    long length = (long) matrix.rows() * matrix.columns() * Float.BYTES;
    return segment.asSlice(Vectors.at(matrix, 0), length).toArray(ValueLayout.JAVA_BYTE);
  }

  @ParameterizedTest
  @CsvSource({"256, 192, 8, 0.05", "203, 77, 9, 0.3", "130, 256, 4, 0", "31, 15, 3, 0.5"})
  void theBitsDoNotDependOnTheThreads(int in, int out, int rank, float probability) {
    Dropout dropout = new Dropout(probability, 0x123456789ABCDEFL, 7);
    byte[][] one = results(1, in, out, rank, dropout);
    assertThat(results(2, in, out, rank, dropout)).isDeepEqualTo(one);
    assertThat(results(5, in, out, rank, dropout)).isDeepEqualTo(one);
  }
}
