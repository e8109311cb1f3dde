package dev.tallrec.llama;

import dev.tallrec.backend.Buffer;
import dev.tallrec.backend.Cleanup;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Token ids whose probabilities are asked for, and room for the answers. Owner of its memory. */
public final class ScoredTokens implements AutoCloseable {

  private final DeviceArena memory;
  private final Arena host = Arena.ofShared();
  private final Indices ids;
  private final Matrix probabilities;
  private final MemorySegment staging;
  private @Nullable Answer last;

  /** Views of the memory for so many rows, kept while their number stays. */
  private record Answer(Matrix rows, Buffer bytes, MemorySegment host) {}

  /**
   * Makes the ids resident.
   *
   * @param maxRows most rows asked for at once
   * @param tokens ids below the model's vocabulary size
   * @throws IllegalArgumentException if one is not
   */
  public ScoredTokens(Device device, LlamaConfig config, int maxRows, int... tokens) {
    for (int token : tokens) {
      if (token < 0 || token >= config.vocabSize()) {
        throw new IllegalArgumentException(
            "token " + token + " is not in the vocabulary of " + config.vocabSize());
      }
    }
    memory = device.newArena();
    try {
      ids = Indices.allocate(memory, "scored tokens", tokens.length);
      probabilities =
          Matrix.allocate(memory, "token probabilities", DType.F32, maxRows, tokens.length);
      staging = host.allocate((long) maxRows * tokens.length * Float.BYTES, 64);
      try (Arena arena = Arena.ofShared()) {
        device.upload(arena.allocateFrom(ValueLayout.JAVA_INT, tokens), ids.buffer());
      }
    } catch (RuntimeException | Error e) {
      Cleanup.after(e, this::close);
      throw e;
    }
  }

  /** Number of tokens. */
  public int count() {
    return ids.count();
  }

  /**
   * Writes the probabilities after each row of logits to {@code out}, from row {@code firstRow} on.
   */
  void probabilities(Device device, Matrix logits, float[] out, int firstRow) {
    Answer answer = answer(logits.rows());
    device.ops().tokenProbabilities(logits, ids, answer.rows);
    device.download(answer.bytes, answer.host);
    MemorySegment.copy(
        answer.host,
        ValueLayout.JAVA_FLOAT,
        0,
        out,
        firstRow * count(),
        (int) answer.rows.elementCount());
  }

  private Answer answer(int rowCount) {
    Answer answer = last;
    if (answer == null || answer.rows.rows() != rowCount) {
      Matrix rows = probabilities.rows(0, rowCount);
      answer =
          new Answer(rows, rows.bytes(), staging.asSlice(0, rows.elementCount() * Float.BYTES));
      last = answer;
    }
    return answer;
  }

  @Override
  public void close() {
    memory.close();
    host.close();
  }
}
