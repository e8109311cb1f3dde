package dev.tallrec.text;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads tokenizer.model, a SentencePiece BPE model. */
final class SentencePieceFile {

  private static final long LARGEST_FILE = 1 << 24;

  /** A piece takes fewer bytes of the file, two, than of memory; LLaMA has 32,000. */
  private static final int MOST_PIECES = 1 << 20;

  private static final int MODEL_TYPE_BPE = 2;

  // Field numbers of sentencepiece_model.proto.
  private static final int MODEL_PIECE = 1;
  private static final int MODEL_TRAINER = 2;
  private static final int MODEL_NORMALIZER = 3;
  private static final int PIECE_TEXT = 1;
  private static final int PIECE_SCORE = 2;
  private static final int PIECE_TYPE = 3;
  private static final int TRAINER_MODEL_TYPE = 3;
  private static final int TRAINER_BOS = 41;
  private static final int TRAINER_EOS = 42;
  private static final int NORMALIZER_CHARSMAP = 2;
  private static final int NORMALIZER_DUMMY_PREFIX = 3;
  private static final int NORMALIZER_EXTRA_SPACES = 4;
  private static final int NORMALIZER_ESCAPE = 5;

  private final String file;
  private final List<Vocabulary.Piece> pieces = new ArrayList<>();
  private final List<Float> scores = new ArrayList<>();
  private int modelType = 1;
  private int bos = 1;
  private int eos = 2;
  private boolean addDummyPrefix = true;
  private boolean removesExtraSpaces = true;

  private SentencePieceFile(String file) {
    this.file = file;
  }

  static Tokenizer read(Path path) throws IOException {
    if (Files.size(path) > LARGEST_FILE) {
      throw new IOException(path + " is larger than " + LARGEST_FILE + " bytes");
    }
    SentencePieceFile reader = new SentencePieceFile(path.toString());
    reader.readModel(new ProtobufReader(ByteBuffer.wrap(Files.readAllBytes(path)), reader.file));
    return reader.tokenizer();
  }

  private Tokenizer tokenizer() throws IOException {
    if (modelType != MODEL_TYPE_BPE) {
      throw new IOException(file + " is not a BPE model (model_type " + modelType + ")");
    }
    if (removesExtraSpaces) {
      throw new IOException(file + " removes extra whitespace, which is not supported");
    }
    for (int id : new int[] {bos, eos}) {
      if (id < 0 || id >= pieces.size()) {
        throw new IOException(file + " has no begin or end token");
      }
    }
    Vocabulary vocabulary = new Vocabulary(pieces, file);
    MergeOrder order =
        (left, right) -> {
          int id = vocabulary.id(left + right);
          return id < 0 ? MergeOrder.NEVER : -scores.get(id);
        };
    return new Tokenizer(vocabulary, order, new Tokenizer.Specials(bos, eos), addDummyPrefix);
  }

  private void readModel(ProtobufReader model) throws IOException {
    for (int field = model.nextField(); field != 0; field = model.nextField()) {
      switch (field) {
        case MODEL_PIECE -> readPiece(model.messageValue());
        case MODEL_TRAINER -> readTrainer(model.messageValue());
        case MODEL_NORMALIZER -> readNormalizer(model.messageValue());
        default -> model.skip();
      }
    }
  }

  private void readPiece(ProtobufReader message) throws IOException {
    String text = "";
    float score = 0;
    long type = 1;
    for (int field = message.nextField(); field != 0; field = message.nextField()) {
      switch (field) {
        case PIECE_TEXT -> text = message.stringValue();
        case PIECE_SCORE -> score = message.floatValue();
        case PIECE_TYPE -> type = message.varintValue();
        default -> message.skip();
      }
    }
    Vocabulary.Kind kind =
        switch ((int) type) {
          case 1 -> Vocabulary.Kind.NORMAL;
          case 2, 3 -> Vocabulary.Kind.CONTROL;
          case 6 -> Vocabulary.Kind.BYTE;
          default ->
              throw new IOException(
                  "%s: piece '%s' is of type %d (user-defined or unused), which is not supported"
                      .formatted(file, text, type));
        };
    if (pieces.size() == MOST_PIECES) {
      throw new IOException(file + " has more than " + MOST_PIECES + " pieces");
    }
    pieces.add(new Vocabulary.Piece(text, kind));
    scores.add(score);
  }

  private void readTrainer(ProtobufReader message) throws IOException {
    for (int field = message.nextField(); field != 0; field = message.nextField()) {
      switch (field) {
        case TRAINER_MODEL_TYPE -> modelType = (int) message.varintValue();
        case TRAINER_BOS -> bos = (int) message.varintValue();
        case TRAINER_EOS -> eos = (int) message.varintValue();
        default -> message.skip();
      }
    }
  }

  private void readNormalizer(ProtobufReader message) throws IOException {
    for (int field = message.nextField(); field != 0; field = message.nextField()) {
      switch (field) {
        case NORMALIZER_CHARSMAP -> {
          if (message.skippedBytes() > 0) {
            throw new IOException(file + " normalizes characters, which is not supported");
          }
        }
        case NORMALIZER_DUMMY_PREFIX -> addDummyPrefix = message.varintValue() != 0;
        case NORMALIZER_EXTRA_SPACES -> removesExtraSpaces = message.varintValue() != 0;
        case NORMALIZER_ESCAPE -> {
          if (message.varintValue() == 0) {
            throw new IOException(file + " does not escape whitespace, which is not supported");
          }
        }
        default -> message.skip();
      }
    }
  }
}
