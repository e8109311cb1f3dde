package dev.tallrec.llama;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Matrix;
import java.util.ArrayList;
import java.util.List;

/**
 * Keys (after rope) and values of every layer, kept between forward passes. Owner of its device
 * memory.
 */
public final class KeyValueCache implements AutoCloseable {

  private final DeviceArena memory;
  private final List<Matrix> keys = new ArrayList<>();
  private final List<Matrix> values = new ArrayList<>();
  private final List<Rows> rows = new ArrayList<>();
  private final int capacity;
  private int firstRow;
  private int rowCount;

  /** Some rows of a layer. */
  record Rows(Matrix keys, Matrix values) {}

  /**
   * An empty cache.
   *
   * @param capacity rows, all sequences together
   */
  public KeyValueCache(Device device, LlamaConfig config, int capacity) {
    this.capacity = capacity;
    memory = device.newArena();
    try {
      for (int layer = 0; layer < config.numHiddenLayers(); layer++) {
        keys.add(
            Matrix.allocate(
                memory, "cached keys", device.computeType(), capacity, config.keyValueWidth()));
        values.add(
            Matrix.allocate(
                memory, "cached values", device.computeType(), capacity, config.keyValueWidth()));
      }
    } catch (RuntimeException | Error e) {
      memory.close();
      throw e;
    }
  }

  /** Rows it has. */
  public int capacity() {
    return capacity;
  }

  /** Rows {@code first} on; kept while the same are asked for, so that a pass makes no garbage. */
  Rows rows(int layer, int first, int count) {
    if (rows.isEmpty() || first != firstRow || count != rowCount) {
      rows.clear();
      for (int i = 0; i < keys.size(); i++) {
        rows.add(new Rows(keys.get(i).rows(first, count), values.get(i).rows(first, count)));
      }
      firstRow = first;
      rowCount = count;
    }
    return rows.get(layer);
  }

  Matrix keys(int layer) {
    return keys.get(layer);
  }

  Matrix values(int layer) {
    return values.get(layer);
  }

  @Override
  public void close() {
    memory.close();
  }
}
