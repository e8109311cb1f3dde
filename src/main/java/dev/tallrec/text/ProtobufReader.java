package dev.tallrec.text;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Reads the fields of one protobuf message, each checked to lie within it. */
final class ProtobufReader {

  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int LENGTH_DELIMITED = 2;
  private static final int FIXED32 = 5;

  private final ByteBuffer bytes;
  private final String file;
  private int wireType;

  ProtobufReader(ByteBuffer bytes, String file) {
    this.bytes = bytes.slice().order(ByteOrder.LITTLE_ENDIAN);
    this.file = file;
  }

  /** Number of the next field, 0 at the end. One of the value methods must follow. */
  int nextField() throws IOException {
    if (!bytes.hasRemaining()) {
      return 0;
    }
    long tag = varint();
    wireType = (int) (tag & 7);
    long field = tag >>> 3;
    if (field == 0 || field > Integer.MAX_VALUE >>> 2) {
      throw broken("field " + field);
    }
    return (int) field;
  }

  long varintValue() throws IOException {
    require(VARINT);
    return varint();
  }

  float floatValue() throws IOException {
    require(FIXED32);
    return take(Float.BYTES).getFloat();
  }

  String stringValue() throws IOException {
    require(LENGTH_DELIMITED);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(take(varint())).toString();
    } catch (CharacterCodingException e) {
      throw new IOException(file + " holds text that is not UTF-8", e);
    }
  }

  ProtobufReader messageValue() throws IOException {
    require(LENGTH_DELIMITED);
    return new ProtobufReader(take(varint()), file);
  }

  /** Size of a bytes field, which is passed over. */
  int skippedBytes() throws IOException {
    require(LENGTH_DELIMITED);
    return take(varint()).remaining();
  }

  void skip() throws IOException {
    switch (wireType) {
      case VARINT -> varint();
      case FIXED64 -> take(Long.BYTES);
      case LENGTH_DELIMITED -> take(varint());
      case FIXED32 -> take(Integer.BYTES);
      default -> throw broken("wire type " + wireType);
    }
  }

  private void require(int type) throws IOException {
    if (wireType != type) {
      throw broken("wire type " + wireType + " instead of " + type);
    }
  }

  private long varint() throws IOException {
    long value = 0;
    for (int shift = 0; shift < Long.SIZE; shift += 7) {
      if (!bytes.hasRemaining()) {
        throw broken("a number cut off");
      }
      byte next = bytes.get();
      value |= (long) (next & 0x7F) << shift;
      if (next >= 0) {
        return value;
      }
    }
    throw broken("a number of more than ten bytes");
  }

  private ByteBuffer take(long length) throws IOException {
    if (length < 0 || length > bytes.remaining()) {
      throw broken("a field of " + length + " bytes where " + bytes.remaining() + " are left");
    }
    ByteBuffer part = bytes.slice(bytes.position(), (int) length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.position(bytes.position() + (int) length);
    return part;
  }

  private IOException broken(String what) {
    return new IOException(file + " is not a SentencePiece model, or cut off: " + what);
  }
}
