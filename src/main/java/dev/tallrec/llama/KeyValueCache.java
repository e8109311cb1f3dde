package dev.tallrec.llama;

import dev.tallrec.backend.Cleanup;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.Ops;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Keys (after rope) and values of every layer, kept between forward passes. Owner of its device
 * memory.
 */
public final class KeyValueCache implements AutoCloseable {

  private final DeviceArena memory;
  private final List<Rows> kept = new ArrayList<>();
  private final int keptRows;
  private final int capacity;
  private final @Nullable Rows room;
  private final @Nullable Rows roomForKept;
  private final List<Rows> targets = new ArrayList<>();
  private int firstRow;
  private int rowCount;

  /** Keys and values of some rows: [rows, kvHeads * headDim] each. */
  record Rows(Matrix keys, Matrix values) {

    static Rows allocate(Device device, DeviceArena memory, LlamaConfig config, int rows) {
      int width = config.keyValueWidth();
      return new Rows(
          Matrix.allocate(memory, "cached keys", device.computeType(), rows, width),
          Matrix.allocate(memory, "cached values", device.computeType(), rows, width));
    }

    Rows part(int first, int count) {
      return new Rows(keys.rows(first, count), values.rows(first, count));
    }

    void copyTo(Ops ops, Rows target) {
      ops.copy(keys, target.keys);
      ops.copy(values, target.values);
    }
  }

  /**
   * An empty cache that keeps all rows.
   *
   * @param capacity rows, all sequences together
   */
  public KeyValueCache(Device device, LlamaConfig config, int capacity) {
    this(device, config, capacity, 0);
  }

  /**
   * An empty cache that keeps some rows; the others are the room of one layer, which each layer of
   * a forward pass uses in its turn.
   *
   * @param kept the first rows, kept between passes; may be none
   * @param others rows after those: what a pass computes, and what it repeats
   */
  public static KeyValueCache keeping(Device device, LlamaConfig config, int kept, int others) {
    return new KeyValueCache(device, config, kept, others);
  }

  private KeyValueCache(Device device, LlamaConfig config, int keptRows, int others) {
    this.keptRows = keptRows;
    this.capacity = keptRows + others;
    memory = device.newArena();
    try {
      for (int layer = 0; keptRows > 0 && layer < config.numHiddenLayers(); layer++) {
        kept.add(Rows.allocate(device, memory, config, keptRows));
      }
      room = others == 0 ? null : Rows.allocate(device, memory, config, capacity);
      roomForKept = room == null || keptRows == 0 ? null : room.part(0, keptRows);
    } catch (RuntimeException | Error e) {
      Cleanup.after(e, memory::close);
      throw e;
    }
  }

  /** Rows it has. */
  public int capacity() {
    return capacity;
  }

  /**
   * Takes rows of a pass.
   *
   * @param first the first one's row in the cache; rows kept and others do not come in one pass
   * @return keys and values that the layer's queries may see, until another layer puts its own
   */
  Rows put(Ops ops, int layer, Matrix keys, Matrix values, int first) {
    Rows target = targets(first, keys.rows()).get(isKept(first) ? layer : 0);
    ops.copy(keys, target.keys);
    ops.copy(values, target.values);
    if (room == null) {
      return kept.get(layer);
    }
    if (roomForKept != null) {
      kept.get(layer).copyTo(ops, roomForKept);
    }
    return room;
  }

  /** Repeats {@code rows} of what {@link #put} returned from row {@code first} on. */
  static void repeat(Ops ops, Rows visible, Indices rows, int first) {
    Rows target = visible.part(first, rows.count());
    ops.gatherRows(visible.keys, rows, target.keys);
    ops.gatherRows(visible.values, rows, target.values);
  }

  private boolean isKept(int row) {
    return row < keptRows;
  }

  /** Where rows go, by layer; the same while the same are asked for, so that no garbage is made. */
  private List<Rows> targets(int first, int count) {
    if (targets.isEmpty() || first != firstRow || count != rowCount) {
      if (isKept(first) && first + count > keptRows) {
        throw new IllegalArgumentException(
            "rows %d to %d of a K/V cache that keeps %d".formatted(first, first + count, keptRows));
      }
      targets.clear();
      for (Rows rows : isKept(first) ? kept : List.of(Objects.requireNonNull(room))) {
        targets.add(rows.part(first, count));
      }
      firstRow = first;
      rowCount = count;
    }
    return targets;
  }

  @Override
  public void close() {
    memory.close();
  }
}
