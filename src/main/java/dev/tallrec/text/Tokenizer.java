package dev.tallrec.text;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.PriorityQueue;

/**
 * A byte-fallback BPE tokenizer with LLaMA's conventions: a space goes before the text, spaces are
 * part of pieces, characters without a piece become bytes (Sennrich et al., arXiv 1508.07909; Kudo
 * and Richardson, arXiv 1808.06226). Text never becomes a control token: "&lt;/s&gt;" in a title is
 * four characters.
 */
public final class Tokenizer {

  /**
   * Ids of control tokens.
   *
   * @param bos begin of sequence
   * @param eos end of sequence
   */
  record Specials(int bos, int eos) {}

  private final Vocabulary vocabulary;
  private final MergeOrder order;
  private final Specials specials;
  private final boolean addDummyPrefix;

  Tokenizer(Vocabulary vocabulary, MergeOrder order, Specials specials, boolean addDummyPrefix) {
    this.vocabulary = vocabulary;
    this.order = order;
    this.specials = specials;
    this.addDummyPrefix = addDummyPrefix;
  }

  /**
   * Reads a model directory's tokenizer.model, or its tokenizer.json if it has only that.
   *
   * @throws IOException if there is none, or it is broken or of a kind that is not supported
   */
  public static Tokenizer read(Path directory) throws IOException {
    Path model = directory.resolve("tokenizer.model");
    Path json = directory.resolve("tokenizer.json");
    if (Files.exists(model)) {
      return SentencePieceFile.read(model);
    }
    if (Files.exists(json)) {
      return TokenizerJsonFile.read(json);
    }
    throw new IOException(directory + " has neither tokenizer.model nor tokenizer.json");
  }

  /** Number of tokens. */
  public int vocabSize() {
    return vocabulary.size();
  }

  /** Id of the begin-of-sequence token. */
  public int bos() {
    return specials.bos();
  }

  /** Id of the end-of-sequence token. */
  public int eos() {
    return specials.eos();
  }

  /** Token ids of {@code text}, without begin or end token. */
  public int[] encode(String text) {
    if (text.isEmpty()) {
      return new int[0];
    }
    String escaped = (addDummyPrefix ? Vocabulary.SPACE : "") + text.replace(' ', Vocabulary.SPACE);
    return new Merge(escaped).run();
  }

  /**
   * The text of {@code ids}; control tokens are left out, and so are ids that are none of the
   * tokenizer's: models may have more, to pad their vocabulary, and can produce them. Bytes that
   * are no UTF-8 become U+FFFD.
   */
  public String decode(int... ids) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int id : ids) {
      if (id >= vocabulary.size()) {
        continue;
      }
      Vocabulary.Piece piece = vocabulary.piece(id);
      switch (piece.kind()) {
        case NORMAL ->
            bytes.writeBytes(
                piece.text().replace(Vocabulary.SPACE, ' ').getBytes(StandardCharsets.UTF_8));
        case BYTE -> bytes.write(Vocabulary.byteValue(piece));
        case CONTROL -> {}
      }
    }
    String text = bytes.toString(StandardCharsets.UTF_8);
    return addDummyPrefix && text.startsWith(" ") ? text.substring(1) : text;
  }

  /** One text's symbols, as a list linked by index, merged until nothing more joins. */
  private final class Merge {

    /** Two neighbours that join; out of date if one of them has changed since. */
    private record Candidate(double rank, int left, int right, int length)
        implements Comparable<Candidate> {
      @Override
      public int compareTo(Candidate other) {
        int byRank = Double.compare(rank, other.rank);
        return byRank != 0 ? byRank : Integer.compare(left, other.left);
      }
    }

    private final String[] symbols;
    private final int[] previous;
    private final int[] next;
    private final PriorityQueue<Candidate> queue = new PriorityQueue<>();

    Merge(String text) {
      int[] codePoints = text.codePoints().map(Merge::withoutSurrogate).toArray();
      symbols = new String[codePoints.length];
      previous = new int[codePoints.length];
      next = new int[codePoints.length];
      for (int i = 0; i < codePoints.length; i++) {
        symbols[i] = Character.toString(codePoints[i]);
        previous[i] = i - 1;
        next[i] = i + 1 < codePoints.length ? i + 1 : -1;
      }
    }

    private static int withoutSurrogate(int codePoint) {
      return codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE
          ? 0xFFFD
          : codePoint;
    }

    int[] run() {
      for (int i = 0; i + 1 < symbols.length; i++) {
        offer(i, i + 1);
      }
      for (Candidate best = queue.poll(); best != null; best = queue.poll()) {
        String left = symbols[best.left];
        String right = symbols[best.right];
        if (left.isEmpty() || right.isEmpty() || left.length() + right.length() != best.length) {
          continue;
        }
        symbols[best.left] = left + right;
        symbols[best.right] = "";
        next[best.left] = next[best.right];
        if (next[best.left] >= 0) {
          previous[next[best.left]] = best.left;
          offer(best.left, next[best.left]);
        }
        if (previous[best.left] >= 0) {
          offer(previous[best.left], best.left);
        }
      }
      return ids();
    }

    private void offer(int left, int right) {
      double rank = order.rank(symbols[left], symbols[right]);
      if (rank != MergeOrder.NEVER) {
        queue.add(
            new Candidate(rank, left, right, symbols[left].length() + symbols[right].length()));
      }
    }

    private int[] ids() {
      int count = Arrays.stream(symbols).mapToInt(s -> s.isEmpty() ? 0 : vocabulary.count(s)).sum();
      int[] ids = new int[count];
      int at = 0;
      for (String symbol : symbols) {
        if (!symbol.isEmpty()) {
          at = vocabulary.write(symbol, ids, at);
        }
      }
      return ids;
    }
  }
}
