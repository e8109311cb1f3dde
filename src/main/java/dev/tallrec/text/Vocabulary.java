package dev.tallrec.text;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The pieces of a byte-fallback BPE, by id. Spaces are written {@value #SPACE}. */
final class Vocabulary {

  /** What stands for a space within pieces. */
  static final char SPACE = '\u2581';

  /** What a piece is. */
  enum Kind {
    /** Text. */
    NORMAL,
    /** One byte of UTF-8, for characters without a piece. */
    BYTE,
    /** Says something about text and never stems from any: unknown, begin, end. */
    CONTROL
  }

  /**
   * A piece.
   *
   * @param text as in the file
   */
  record Piece(String text, Kind kind) {}

  private final List<Piece> pieces;
  private final Map<String, Integer> ids = new HashMap<>();
  private final int[] byteIds = new int[256];

  /** Throws {@link IOException} if two pieces are the same, or not each byte has one. */
  Vocabulary(List<Piece> pieces, String file) throws IOException {
    this.pieces = List.copyOf(pieces);
    Arrays.fill(byteIds, -1);
    int bytes = 0;
    for (int id = 0; id < pieces.size(); id++) {
      Piece piece = pieces.get(id);
      if (piece.kind == Kind.BYTE) {
        int value = byteOf(piece.text, file);
        if (byteIds[value] >= 0) {
          throw twice(piece, file);
        }
        byteIds[value] = id;
        bytes++;
      } else if (piece.kind == Kind.NORMAL && ids.put(piece.text, id) != null) {
        throw twice(piece, file);
      }
    }
    if (bytes != 256) {
      throw new IOException(
          file
              + " has pieces for "
              + bytes
              + " of the 256 bytes: only byte-fallback models are supported");
    }
  }

  private static IOException twice(Piece piece, String file) {
    return new IOException(file + ": piece '" + piece.text + "' occurs twice");
  }

  private static int byteOf(String text, String file) throws IOException {
    if (!text.matches("<0x[0-9A-F]{2}>")) {
      throw new IOException(file + ": byte piece '" + text + "' is not of the form <0xHH>");
    }
    return Integer.parseInt(text.substring(3, 5), 16);
  }

  int size() {
    return pieces.size();
  }

  /** Id of a text piece, -1 if there is none. */
  int id(String piece) {
    return ids.getOrDefault(piece, -1);
  }

  Piece piece(int id) {
    return pieces.get(id);
  }

  /** Number of ids that {@link #write} writes for {@code symbol}. */
  int count(String symbol) {
    return id(symbol) >= 0 ? 1 : symbol.getBytes(StandardCharsets.UTF_8).length;
  }

  /** Writes a symbol's id, or those of its bytes, from {@code at} on; returns where they end. */
  int write(String symbol, int[] target, int at) {
    int id = id(symbol);
    int end = at;
    if (id >= 0) {
      target[end++] = id;
    } else {
      for (byte value : symbol.getBytes(StandardCharsets.UTF_8)) {
        target[end++] = byteIds[Byte.toUnsignedInt(value)];
      }
    }
    return end;
  }

  /** The byte that a BYTE piece stands for. */
  static int byteValue(Piece piece) {
    return Integer.parseInt(piece.text.substring(3, 5), 16);
  }
}
