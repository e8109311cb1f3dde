package dev.tallrec.testing;

import dev.tallrec.backend.AdamWStep;
import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Dropout;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.Ops;
import dev.tallrec.backend.RopeTable;
import dev.tallrec.tensor.BFloat16;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Every operation as its definition says, one element after the other, summed in double precision.
 */
final class ReferenceOps implements Ops {

  private static double get(Matrix m, int row, int column) {
    MemorySegment segment = ((ReferenceDevice.Memory) m.buffer()).segment();
    long index = m.offset() + (long) row * m.stride() + column;
    return switch (m.dtype()) {
      case F32 -> segment.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, index);
      case F16 -> Float.float16ToFloat(segment.getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, index));
      default -> BFloat16.toFloat(segment.getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, index));
    };
  }

  private static void set(Matrix m, int row, int column, double value) {
    MemorySegment segment = ((ReferenceDevice.Memory) m.buffer()).segment();
    long index = m.offset() + (long) row * m.stride() + column;
    float rounded = (float) value;
    switch (m.dtype()) {
      case F32 -> segment.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, index, rounded);
      case F16 ->
          segment.setAtIndex(
              ValueLayout.JAVA_SHORT_UNALIGNED, index, Float.floatToFloat16(rounded));
      default ->
          segment.setAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, index, BFloat16.fromFloat(rounded));
    }
  }

  private static void add(Matrix m, int row, int column, double value) {
    set(m, row, column, get(m, row, column) + value);
  }

  private static int get(Indices indices, int i) {
    return ((ReferenceDevice.Memory) indices.buffer())
        .segment()
        .getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, indices.offset() + i);
  }

  /** Does something with every element's place. */
  private interface Place {
    void visit(int row, int column);
  }

  private static void each(Matrix m, Place place) {
    for (int row = 0; row < m.rows(); row++) {
      for (int column = 0; column < m.columns(); column++) {
        place.visit(row, column);
      }
    }
  }

  @Override
  public void embedding(Indices ids, FrozenLinear table, Matrix out) {
    float[][] rows = ((ReferenceDevice.Linear) table).rows();
    each(out, (r, c) -> set(out, r, c, rows[get(ids, r)][c]));
  }

  @Override
  public void rmsNorm(Matrix x, Matrix weight, float epsilon, Matrix out, Matrix rstd) {
    for (int r = 0; r < x.rows(); r++) {
      double sum = 0;
      for (int c = 0; c < x.columns(); c++) {
        sum += get(x, r, c) * get(x, r, c);
      }
      double scale = 1 / Math.sqrt(sum / x.columns() + epsilon);
      set(rstd, r, 0, scale);
      for (int c = 0; c < x.columns(); c++) {
        set(out, r, c, get(x, r, c) * scale * get(weight, 0, c));
      }
    }
  }

  @Override
  public void addRmsNorm(
      Matrix x, Matrix delta, Matrix weight, float epsilon, Matrix sum, Matrix out, Matrix rstd) {
    each(x, (r, c) -> set(sum, r, c, get(x, r, c) + get(delta, r, c)));
    rmsNorm(sum, weight, epsilon, out, rstd);
  }

  @Override
  public void rmsNormBackward(Matrix dout, Matrix x, Matrix weight, Matrix rstd, Matrix dx) {
    for (int r = 0; r < x.rows(); r++) {
      double mean = 0;
      for (int c = 0; c < x.columns(); c++) {
        mean += get(weight, 0, c) * get(dout, r, c) * get(x, r, c) / x.columns();
      }
      double s = get(rstd, r, 0);
      for (int c = 0; c < x.columns(); c++) {
        add(dx, r, c, s * (get(weight, 0, c) * get(dout, r, c) - get(x, r, c) * s * s * mean));
      }
    }
  }

  @Override
  public void rope(Matrix x, Indices positions, RopeTable table, boolean inverse) {
    int half = table.headDim() / 2;
    for (int r = 0; r < x.rows(); r++) {
      for (int head = 0; head < x.columns(); head += 2 * half) {
        for (int i = 0; i < half; i++) {
          double cos = get(table.cos(), get(positions, r), i);
          double sin = get(table.sin(), get(positions, r), i) * (inverse ? -1 : 1);
          double low = get(x, r, head + i);
          double high = get(x, r, head + half + i);
          set(x, r, head + i, low * cos - high * sin);
          set(x, r, head + half + i, high * cos + low * sin);
        }
      }
    }
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  @Override
  public void swiglu(Matrix gate, Matrix up, Matrix out) {
    each(
        gate,
        (r, c) -> {
          double g = get(gate, r, c);
          set(out, r, c, g * sigmoid(g) * get(up, r, c));
        });
  }

  @Override
  public void swigluBackward(Matrix dout, Matrix gate, Matrix up, Matrix dgate, Matrix dup) {
    each(
        gate,
        (r, c) -> {
          double g = get(gate, r, c);
          double u = get(up, r, c);
          double d = get(dout, r, c);
          double s = sigmoid(g);
          set(dgate, r, c, d * u * s * (1 + g * (1 - s)));
          set(dup, r, c, d * g * s);
        });
  }

  @Override
  public void linear(Matrix x, FrozenLinear weight, Matrix y, boolean accumulate) {
    float[][] w = ((ReferenceDevice.Linear) weight).rows();
    each(
        y,
        (r, c) -> {
          double sum = accumulate ? get(y, r, c) : 0;
          for (int i = 0; i < x.columns(); i++) {
            sum += get(x, r, i) * w[c][i];
          }
          set(y, r, c, sum);
        });
  }

  @Override
  public void linearBackward(Matrix dy, FrozenLinear weight, Matrix dx, boolean accumulate) {
    float[][] w = ((ReferenceDevice.Linear) weight).rows();
    each(
        dx,
        (r, c) -> {
          double sum = accumulate ? get(dx, r, c) : 0;
          for (int o = 0; o < w.length; o++) {
            sum += get(dy, r, o) * w[o][c];
          }
          set(dx, r, c, sum);
        });
  }

  /** The factor dropout has on element (row, column), from the definition of Philox 4x32-10. */
  static double kept(Dropout dropout, int row, int column) {
    if (dropout.probability() == 0) {
      return 1;
    }
    long[] counter = {column / 4, row, Integer.toUnsignedLong(dropout.stream()), 0};
    long key0 = dropout.seed() & 0xFFFFFFFFL;
    long key1 = dropout.seed() >>> 32;
    for (int round = 0; round < 10; round++) {
      long product0 = counter[0] * 0xD2511F53L;
      long product1 = counter[2] * 0xCD9E8D57L;
      counter =
          new long[] {
            product1 >>> 32 ^ counter[1] ^ key0,
            product1 & 0xFFFFFFFFL,
            product0 >>> 32 ^ counter[3] ^ key1,
            product0 & 0xFFFFFFFFL
          };
      key0 = key0 + 0x9E3779B9L & 0xFFFFFFFFL;
      key1 = key1 + 0xBB67AE85L & 0xFFFFFFFFL;
    }
    boolean keeps = counter[column % 4] >= (long) (dropout.probability() * 0x1p32);
    return keeps ? 1 / (1 - (double) dropout.probability()) : 0;
  }

  @Override
  public void lora(Matrix x, Matrix a, Matrix b, float scale, Dropout dropout, Matrix u, Matrix y) {
    each(
        u,
        (r, j) -> {
          double sum = 0;
          for (int i = 0; i < x.columns(); i++) {
            sum += get(x, r, i) * kept(dropout, r, i) * get(a, j, i);
          }
          set(u, r, j, sum);
        });
    each(
        y,
        (r, c) -> {
          double sum = 0;
          for (int j = 0; j < u.columns(); j++) {
            sum += get(u, r, j) * get(b, c, j);
          }
          add(y, r, c, scale * sum);
        });
  }

  @Override
  public void loraBackward(
      Matrix dy,
      Matrix x,
      Matrix u,
      Matrix a,
      Matrix b,
      float scale,
      Dropout dropout,
      Matrix du,
      Matrix da,
      Matrix db,
      @Nullable Matrix dx) {
    each(
        du,
        (r, j) -> {
          double sum = 0;
          for (int c = 0; c < dy.columns(); c++) {
            sum += get(dy, r, c) * get(b, c, j);
          }
          set(du, r, j, scale * sum);
        });
    each(
        da,
        (j, i) -> {
          double sum = 0;
          for (int r = 0; r < x.rows(); r++) {
            sum += get(du, r, j) * get(x, r, i) * kept(dropout, r, i);
          }
          add(da, j, i, sum);
        });
    each(
        db,
        (c, j) -> {
          double sum = 0;
          for (int r = 0; r < x.rows(); r++) {
            sum += get(dy, r, c) * get(u, r, j);
          }
          add(db, c, j, scale * sum);
        });
    if (dx != null) {
      each(
          dx,
          (r, i) -> {
            double sum = 0;
            for (int j = 0; j < du.columns(); j++) {
              sum += get(du, r, j) * get(a, j, i);
            }
            add(dx, r, i, sum * kept(dropout, r, i));
          });
    }
  }

  /** Key rows that query {@code i} of segment {@code s} sees. */
  private static int[] visible(AttentionLayout layout, int s, int i) {
    int at = s * AttentionLayout.INTS_PER_SEGMENT;
    int keyStart = get(layout.segments(), at + 2);
    int own = get(layout.segments(), at + 3) + i + 1;
    int prefixStart = get(layout.segments(), at + 4);
    int prefix = get(layout.segments(), at + 5);
    int[] keys = new int[prefix + own];
    for (int j = 0; j < keys.length; j++) {
      keys[j] = j < prefix ? prefixStart + j : keyStart + j - prefix;
    }
    return keys;
  }

  /** Visits every query: its row, head, kv head and the keys it sees. */
  private interface Query {
    void visit(int row, int head, int kvHead, int[] keys);
  }

  private static void eachQuery(
      Matrix q, Matrix k, AttentionLayout layout, int headDim, Query query) {
    int heads = q.columns() / headDim;
    int group = heads / (k.columns() / headDim);
    for (int s = 0; s < layout.segmentCount(); s++) {
      int start = get(layout.segments(), s * AttentionLayout.INTS_PER_SEGMENT);
      int count = get(layout.segments(), s * AttentionLayout.INTS_PER_SEGMENT + 1);
      for (int i = 0; i < count; i++) {
        for (int head = 0; head < heads; head++) {
          query.visit(start + i, head, head / group, visible(layout, s, i));
        }
      }
    }
  }

  private static double dot(
      Matrix x, int xRow, int xHead, Matrix y, int yRow, int yHead, int headDim) {
    double sum = 0;
    for (int d = 0; d < headDim; d++) {
      sum += get(x, xRow, xHead * headDim + d) * get(y, yRow, yHead * headDim + d);
    }
    return sum;
  }

  @Override
  public void attention(
      Matrix q,
      Matrix k,
      Matrix v,
      AttentionLayout layout,
      int headDim,
      float scale,
      Matrix out,
      Matrix lse) {
    eachQuery(
        q,
        k,
        layout,
        headDim,
        (row, head, kvHead, keys) -> {
          double[] scores = new double[keys.length];
          for (int j = 0; j < keys.length; j++) {
            scores[j] = scale * dot(q, row, head, k, keys[j], kvHead, headDim);
          }
          double max = Arrays.stream(scores).max().orElseThrow();
          double sum = Arrays.stream(scores).map(s -> Math.exp(s - max)).sum();
          set(lse, head, row, max + Math.log(sum));
          for (int d = 0; d < headDim; d++) {
            double value = 0;
            for (int j = 0; j < keys.length; j++) {
              value += Math.exp(scores[j] - max) / sum * get(v, keys[j], kvHead * headDim + d);
            }
            set(out, row, head * headDim + d, value);
          }
        });
  }

  @Override
  public void attentionBackward(
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix out,
      Matrix dout,
      Matrix lse,
      AttentionLayout layout,
      int headDim,
      float scale,
      Matrix delta,
      Matrix dq,
      Matrix dk,
      Matrix dv) {
    fill(dk, 0);
    fill(dv, 0);
    eachQuery(
        q,
        k,
        layout,
        headDim,
        (row, head, kvHead, keys) -> {
          double deltaOfRow = dot(out, row, head, dout, row, head, headDim);
          set(delta, head, row, deltaOfRow);
          double[] gradient = new double[headDim];
          for (int key : keys) {
            double p =
                Math.exp(scale * dot(q, row, head, k, key, kvHead, headDim) - get(lse, head, row));
            double ds = p * (dot(dout, row, head, v, key, kvHead, headDim) - deltaOfRow) * scale;
            for (int d = 0; d < headDim; d++) {
              gradient[d] += ds * get(k, key, kvHead * headDim + d);
              add(dk, key, kvHead * headDim + d, ds * get(q, row, head * headDim + d));
              add(dv, key, kvHead * headDim + d, p * get(dout, row, head * headDim + d));
            }
          }
          for (int d = 0; d < headDim; d++) {
            set(dq, row, head * headDim + d, gradient[d]);
          }
        });
  }

  @Override
  public void gatherRows(Matrix source, Indices rows, Matrix out) {
    each(out, (r, c) -> set(out, r, c, get(source, get(rows, r), c)));
  }

  @Override
  public void scatterAddRows(Matrix source, Indices rows, Matrix target) {
    each(source, (r, c) -> add(target, get(rows, r), c, get(source, r, c)));
  }

  private static double[] softmax(Matrix logits, int row) {
    double[] values = new double[logits.columns()];
    for (int c = 0; c < values.length; c++) {
      values[c] = get(logits, row, c);
    }
    double max = Arrays.stream(values).max().orElseThrow();
    double sum = Arrays.stream(values).map(x -> Math.exp(x - max)).sum();
    return Arrays.stream(values).map(x -> Math.exp(x - max) / sum).toArray();
  }

  @Override
  public void crossEntropy(
      Matrix logits,
      Indices targets,
      Matrix weights,
      float gradientScale,
      Matrix losses,
      @Nullable Matrix dlogits) {
    for (int r = 0; r < logits.rows(); r++) {
      double[] p = softmax(logits, r);
      int target = get(targets, r);
      set(losses, r, 0, -get(weights, r, 0) * Math.log(p[target]));
      if (dlogits != null) {
        for (int c = 0; c < p.length; c++) {
          set(dlogits, r, c, gradientScale * get(weights, r, 0) * (p[c] - (c == target ? 1 : 0)));
        }
      }
    }
  }

  @Override
  public void tokenProbabilities(Matrix logits, Indices tokens, Matrix probabilities) {
    each(probabilities, (r, j) -> set(probabilities, r, j, softmax(logits, r)[get(tokens, j)]));
  }

  @Override
  public double sumOfSquares(Matrix x) {
    double[] sum = new double[1];
    each(x, (r, c) -> sum[0] += get(x, r, c) * get(x, r, c));
    return sum[0];
  }

  @Override
  public void adamW(
      Matrix weights,
      Matrix gradients,
      Matrix firstMoment,
      Matrix secondMoment,
      Matrix workingCopy,
      AdamWStep step) {
    each(
        weights,
        (r, c) -> {
          double g = get(gradients, r, c) * step.gradientScale();
          double m = step.beta1() * get(firstMoment, r, c) + (1 - step.beta1()) * g;
          double v = step.beta2() * get(secondMoment, r, c) + (1 - step.beta2()) * g * g;
          double mHat = m / (1 - Math.pow(step.beta1(), (double) step.step()));
          double vHat = v / (1 - Math.pow(step.beta2(), (double) step.step()));
          double w = get(weights, r, c) * (1 - (double) step.learningRate() * step.weightDecay());
          w -= step.learningRate() * mHat / (Math.sqrt(vHat) + step.epsilon());
          set(firstMoment, r, c, m);
          set(secondMoment, r, c, v);
          set(weights, r, c, w);
          set(workingCopy, r, c, w);
        });
  }

  @Override
  public void fill(Matrix x, float value) {
    each(x, (r, c) -> set(x, r, c, value));
  }

  @Override
  public void copy(Matrix source, Matrix target) {
    each(source, (r, c) -> set(target, r, c, get(source, r, c)));
  }

  @Override
  public void add(Matrix x, Matrix y) {
    each(x, (r, c) -> add(y, r, c, get(x, r, c)));
  }
}
