package dev.tallrec.json;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/** A stream that fails where a file turns out to be larger than it may be. */
final class LimitedStream extends FilterInputStream {

  private final String name;
  private final long largest;
  private final String what;
  private long left;

  /**
   * @param name of the file
   * @param largest most bytes that come out
   * @param what the file should be
   */
  LimitedStream(InputStream bytes, String name, long largest, String what) {
    super(bytes);
    this.name = name;
    this.largest = largest;
    this.what = what;
    this.left = largest;
  }

  @Override
  public int read() throws IOException {
    int value = super.read();
    if (value >= 0) {
      count(1);
    }
    return value;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    int read = super.read(target, offset, length);
    if (read > 0) {
      count(read);
    }
    return read;
  }

  @Override
  public long skip(long length) throws IOException {
    long skipped = super.skip(length);
    count(skipped);
    return skipped;
  }

  @Override
  public boolean markSupported() {
    return false;
  }

  private void count(long bytes) throws IOException {
    left -= bytes;
    if (left < 0) {
      throw new IOException(
          "%s is larger than %d bytes%s: not %s"
              .formatted(name, largest, name.endsWith(".gz") ? ", unzipped" : "", what));
    }
  }
}
