package dev.tallrec.benchmarks;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.model.BaseModel;
import dev.tallrec.model.BundledBase;
import dev.tallrec.rec.Domain;
import dev.tallrec.rec.KShot;
import dev.tallrec.rec.RecData;
import dev.tallrec.text.AnswerTokens;
import dev.tallrec.text.ExampleEncoder;
import dev.tallrec.text.LabelledTokens;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/**
 * The movie rows that works beside peers are made of, as tokens of the base that comes with the
 * program.
 *
 * @param answers 64 training examples that learn their answers
 * @param whole the same that learn all of their tokens
 * @param prompts of the test set
 * @param yesAndNo the answers' tokens
 */
record MovieRows(
    List<LabelledTokens> answers,
    List<LabelledTokens> whole,
    List<int[]> prompts,
    AnswerTokens yesAndNo) {

  private static final int SHOTS = 64;
  private static final int CUTOFF = 512;

  static MovieRows of(BaseModel base) throws IOException {
    RecData movies = RecData.published(Domain.MOVIE);
    ExampleEncoder encoder = base.encoder(CUTOFF, false);
    return new MovieRows(
        train(movies, encoder),
        train(movies, base.encoder(CUTOFF, true)),
        movies.test().stream().map(example -> encoder.encodePrompt(example.text()).ids()).toList(),
        AnswerTokens.of(base.tokenizer()));
  }

  /** Without a model to compute with. */
  static MovieRows read() throws IOException {
    try (CpuDevice device = CpuDevice.ofAllProcessors();
        BaseModel base = BaseModel.named(device, BundledBase.NAME)) {
      return of(base);
    }
  }

  private static List<LabelledTokens> train(RecData movies, ExampleEncoder encoder) {
    return KShot.sample(movies.train(), SHOTS, 0).stream()
        .map(example -> encoder.encode(example.text()).tokens())
        .toList();
  }

  /** Prints them as JSON for a peer: ids of the examples, where their answers begin, prompts. */
  public static void main(String[] arguments) throws IOException {
    MovieRows rows = read();
    System.out.println(
        new JsonMapper()
            .writeValueAsString(
                Map.of(
                    "train",
                    rows.answers.stream().map(LabelledTokens::ids).toList(),
                    "answers",
                    rows.answers.stream().map(MovieRows::firstLabel).toList(),
                    "test",
                    rows.prompts)));
  }

  private static int firstLabel(LabelledTokens example) {
    int at = 0;
    while (!example.isLabel()[at]) {
      at++;
    }
    return at;
  }
}
