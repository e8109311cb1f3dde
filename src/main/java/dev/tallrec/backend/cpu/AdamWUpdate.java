package dev.tallrec.backend.cpu;

import dev.tallrec.backend.AdamWStep;
import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;

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
    double correction1 = 1 - Math.pow(step.beta1(), (double) step.step());
    correction2Root = (float) Math.sqrt(1 - Math.pow(step.beta2(), (double) step.step()));
    stepSize = (float) (step.learningRate() / correction1);
    weight1 = (float) (1 - step.beta1());
    beta2 = (float) step.beta2();
    weight2 = (float) (1 - step.beta2());
    decay = 1 - step.learningRate() * step.weightDecay();
    epsilon = step.epsilon();
    gradientScale = step.gradientScale();
    pool.forRows(weightsNow.columns(), CHUNK, this);
  }

  @Override
  public void run(int from, int to, int worker) {
    MemorySegment ws = weights.segment;
    MemorySegment gs = gradients.segment;
    MemorySegment ms = firstMoment.segment;
    MemorySegment vs = secondMoment.segment;
    MemorySegment cs = workingCopy.segment;
    long wAt = weights.at;
    long gAt = gradients.at;
    long mAt = firstMoment.at;
    long vAt = secondMoment.at;
    long cAt = workingCopy.at;
    float scale = gradientScale;
    float share1 = weight1;
    float keep2 = beta2;
    float share2 = weight2;
    float root2 = correction2Root;
    float smallest = epsilon;
    float keep = decay;
    float size = stepSize;
    for (int i = from; i < to; i++) {
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
