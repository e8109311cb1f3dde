package dev.tallrec.backend.cpu;

import dev.tallrec.backend.AdamWStep;
import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** A step of the optimizer over flat parameters. */
final class AdamWUpdate implements WorkerPool.RowTask {

  private static final int CHUNK = 1 << 14;

  private final WorkerPool pool;
  private final Vector weights = new Vector();
  private final Vector gradients = new Vector();
  private final Vector firstMoment = new Vector();
  private final Vector secondMoment = new Vector();
  private final Vector workingCopy = new Vector();
  private float correction2Root;
  private float stepSize;
  private float weight1;
  private float beta2;
  private float weight2;
  private float decay;
  private float epsilon;
  private float gradientScale;

  /** Memory of a flat operand. */
  private static final class Vector {
    private MemorySegment segment = MemorySegment.NULL;
    private long at;

    void set(Matrix matrix) {
      segment = HostBuffer.of(matrix);
      at = Vectors.at(matrix, 0);
    }
  }

  AdamWUpdate(WorkerPool pool) {
    this.pool = pool;
  }

  void step(
      Matrix weightsNow,
      Matrix gradientsNow,
      Matrix firstMomentNow,
      Matrix secondMomentNow,
      Matrix workingCopyNow,
      AdamWStep step) {
    weights.set(weightsNow);
    gradients.set(gradientsNow);
    firstMoment.set(firstMomentNow);
    secondMoment.set(secondMomentNow);
    workingCopy.set(workingCopyNow);
    correction2Root = step.correction2Root();
    stepSize = step.stepSize();
    weight1 = step.share1();
    beta2 = (float) step.beta2();
    weight2 = step.share2();
    decay = step.decay();
    epsilon = step.epsilon();
    gradientScale = step.gradientScale();
    pool.forRows(weightsNow.columns(), CHUNK, this);
  }

  @Override
  public void run(int from, int to, int worker) {
    MemorySegment ws = HostBuffer.offHeap(weights.segment);
    MemorySegment gs = HostBuffer.offHeap(gradients.segment);
    MemorySegment ms = HostBuffer.offHeap(firstMoment.segment);
    MemorySegment vs = HostBuffer.offHeap(secondMoment.segment);
    MemorySegment cs = HostBuffer.offHeap(workingCopy.segment);
    long first = (long) from * Float.BYTES;
    long wAt = weights.at + first;
    long gAt = gradients.at + first;
    long mAt = firstMoment.at + first;
    long vAt = secondMoment.at + first;
    long cAt = workingCopy.at + first;
    float scale = gradientScale;
    float share1 = weight1;
    float keep2 = beta2;
    float share2 = weight2;
    float root2 = correction2Root;
    float smallest = epsilon;
    float keep = decay;
    float size = stepSize;
    int length = to - from;
    int i = 0;
    for (; i < Vectors.FLOATS.loopBound(length); i += Vectors.LANES) {
      FloatVector gradient = Vectors.load(gs, gAt, i).mul(scale);
      FloatVector old = Vectors.load(ms, mAt, i);
      FloatVector m = old.add(gradient.sub(old).mul(share1));
      FloatVector v = Vectors.load(vs, vAt, i).mul(keep2).add(gradient.mul(gradient).mul(share2));
      FloatVector root = v.sqrt().div(root2).add(smallest);
      FloatVector weight = Vectors.load(ws, wAt, i).mul(keep).sub(m.mul(size).div(root));
      Vectors.store(m, ms, mAt, i);
      Vectors.store(v, vs, vAt, i);
      Vectors.store(weight, ws, wAt, i);
      Vectors.store(weight, cs, cAt, i);
    }
    for (; i < length; i++) {
      float gradient = Vectors.get(gs, gAt, i) * scale;
      float old = Vectors.get(ms, mAt, i);
      float m = old + (gradient - old) * share1;
      float v = Vectors.get(vs, vAt, i) * keep2 + gradient * gradient * share2;
      float root = (float) Math.sqrt(v) / root2 + smallest;
      float weight = Vectors.get(ws, wAt, i) * keep - size * m / root;
      Vectors.set(ms, mAt, i, m);
      Vectors.set(vs, vAt, i, v);
      Vectors.set(ws, wAt, i, weight);
      Vectors.set(cs, cAt, i, weight);
    }
  }
}
