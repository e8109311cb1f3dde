package dev.tallrec.backend.cuda;

import static jcuda.driver.JCudaDriver.cuEventCreate;
import static jcuda.driver.JCudaDriver.cuEventDestroy;
import static jcuda.driver.JCudaDriver.cuEventElapsedTime;
import static jcuda.driver.JCudaDriver.cuEventRecord;

import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.CUstream;

/** An event of a stream that keeps times. */
final class JCudaEvent implements CudaDriver.TimingEvent {

  private static final double NANOS_PER_MILLI = 1e6;

  private final CUevent event = new CUevent();
  private final CUstream stream;

  JCudaEvent(CUstream stream) {
    this.stream = stream;
    cuEventCreate(event, CUevent_flags.CU_EVENT_DEFAULT);
  }

  @Override
  public void record() {
    cuEventRecord(event, stream);
  }

  @Override
  public long nanosSince(CudaDriver.TimingEvent earlier) {
    if (!(earlier instanceof JCudaEvent start)) {
      throw new IllegalArgumentException("an event of another driver: " + earlier.getClass());
    }
    float[] millis = new float[1];
    cuEventElapsedTime(millis, start.event, event);
    return Math.round(millis[0] * NANOS_PER_MILLI);
  }

  @Override
  public void close() {
    cuEventDestroy(event);
  }
}
