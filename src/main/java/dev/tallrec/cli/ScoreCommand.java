package dev.tallrec.cli;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tallrec.files.ProcessLock;
import dev.tallrec.json.JsonFiles;
import dev.tallrec.rec.Domain;
import dev.tallrec.rec.FittedPrompt;
import dev.tallrec.rec.Question;
import dev.tallrec.rec.Taste;
import dev.tallrec.rec.TasteScorer;
import dev.tallrec.text.AnswerTokens;
import dev.tallrec.text.ExampleEncoder;
import dev.tallrec.train.Fingerprint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Scores any number of questions. */
@Command(
    name = "score",
    mixinStandardHelpOptions = true,
    description = {
      "Scores questions of a JSON-lines file, in memory that does not grow with it:",
      "  {\"liked\": [\"A\"], \"disliked\": [], \"target\": \"B\", ...}",
      "Titles are listed oldest first; of liked and disliked one may be left out. Each line comes out"
          + " with its number, p_yes, p_no, score, and cut: how many of its titles, the oldest, were"
          + " left out to fit what the model takes. Lines that cannot be read go to OUTPUT.bad with"
          + " the reason. A run that was interrupted goes on where it stopped, with the same model,"
          + " domain and questions only: OUTPUT.run.json says which these are. OUTPUT.lock"
          + " keeps a second run away."
    })
final class ScoreCommand implements Callable<Integer> {

  private static final int LINES_AT_A_TIME = 512;
  private static final long BYTES_AT_A_TIME = 16L * LineReader.LONGEST;
  private static final JsonMapper JSON =
      JsonMapper.builder(JsonFiles.factory(LineReader.LONGEST))
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  @Spec private CommandSpec spec;

  @Mixin private ModelOptions model = new ModelOptions();

  @Option(
      names = "--input",
      required = true,
      paramLabel = "FILE",
      description = "Questions, one a line.")
  private Path input = Path.of("users.jsonl");

  @Option(
      names = "--output",
      required = true,
      paramLabel = "FILE",
      description = "Where scores go.")
  private Path output = Path.of("scores.jsonl");

  @Option(names = "--domain", description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  private Domain domain = Domain.MOVIE;

  @Option(
      names = "--batch-tokens",
      paramLabel = "N",
      converter = Count.class,
      description = "Tokens scored at a time (default: ${DEFAULT-VALUE}).")
  private int batchTokens = 4096;

  /** A line that can be scored. */
  private record Scorable(ObjectNode fields, int[] prompt) {}

  @Override
  public Integer call() throws IOException {
    requireInput();
    EarlierLines.requireNoDirectory(output);
    try (ProcessLock _ = ProcessLock.take(ScoreRun.lock(output), output)) {
      scoreInput();
    }
    return 0;
  }

  private void scoreInput() throws IOException {
    long total = LineReader.count(input);
    EarlierScores earlier = EarlierScores.read(output);
    earlier.requireQuestionsOf(input);
    long lines;
    try (ModelOptions.Opened opened = model.open()) {
      ExampleEncoder encoder = opened.base().encoder(Integer.MAX_VALUE, false);
      try (ScoreOutput out = earlier.goOn(run(opened, encoder))) {
        lines = score(total, out, opened, encoder);
      }
    }
    Path problems = ScoreOutput.problems(output);
    long unread = LineReader.count(problems);
    System.out.printf("%,d scores: %s%n", lines - unread, output);
    if (unread > 0) {
      System.out.printf("%,d lines could not be read: %s says why%n", unread, problems);
    }
  }

  /**
   * Checks that the input gives the same bytes each time that it is read, and is nothing that is
   * written: it would grow with its own scores, or be lost.
   */
  private void requireInput() throws IOException {
    if (!Files.exists(input)) {
      throw new NoSuchFileException(input.toString());
    }
    if (!Files.isRegularFile(input)) {
      throw new IOException(
          "%s is not a regular file, but it is read more than once, as a pipe cannot be: write the questions to a file first"
              .formatted(input));
    }
    for (Path written :
        List.of(
            output, ScoreOutput.problems(output), ScoreRun.file(output), ScoreRun.lock(output))) {
      if (Files.exists(written) && Files.isSameFile(input, written)) {
        throw new CommandLine.ParameterException(
            spec.commandLine(),
            "--output %s: %s would be written, which is the input".formatted(output, written));
      }
    }
  }

  private ScoreRun run(ModelOptions.Opened opened, ExampleEncoder encoder) {
    Map<String, String> given = model.given();
    given.put("--domain", domain.toString());
    given.put("--input", input.toString());
    Map<String, String> fingerprint = Fingerprint.of(opened.base().network(), opened.adapter());
    fingerprint.put("domain", domain.toString());
    fingerprint.put("cutoff", String.valueOf(encoder.cutoff()));
    return new ScoreRun(given, fingerprint);
  }

  /** Scores what is not scored yet; returns how many lines the input has. */
  private long score(
      long total, ScoreOutput out, ModelOptions.Opened opened, ExampleEncoder encoder)
      throws IOException {
    ConsoleListener listener = ConsoleListener.standard();
    if (out.lastScored() > 0) {
      listener.message("going on after %,d lines".formatted(out.lastScored()));
    }
    try (LineReader reader = new LineReader(input)) {
      for (long i = 0; i < out.lastScored(); i++) {
        reader.next();
      }
      listener.begin("scoring", total);
      long number = out.lastScored();
      long bytes = 0;
      List<Scorable> lines = new ArrayList<>();
      for (Optional<LineReader.Line> next = reader.next(); next.isPresent(); next = reader.next()) {
        LineReader.Line line = next.get();
        number++;
        try {
          lines.add(scorable(number, line.text(), encoder));
          bytes += line.bytes().length;
        } catch (IOException | IllegalArgumentException e) {
          out.problem(number, line.shown(), e);
        }
        if (lines.size() == LINES_AT_A_TIME || bytes > BYTES_AT_A_TIME) {
          out.scored(scored(lines, opened));
          lines.clear();
          bytes = 0;
          listener.advance(number, "");
        }
      }
      if (!lines.isEmpty()) {
        out.scored(scored(lines, opened));
      }
      listener.advance(Math.max(1, number), "");
      listener.end();
      return number;
    }
  }

  private Scorable scorable(long number, String text, ExampleEncoder encoder) throws IOException {
    ObjectNode fields = object(text);
    List<String> liked = titles(fields, "liked");
    List<String> disliked = titles(fields, "disliked");
    JsonNode target = fields.path("target");
    if (!target.isTextual() || target.textValue().isBlank()) {
      throw new IOException("no \"target\"");
    }
    if (liked.isEmpty() && disliked.isEmpty()) {
      throw new IOException("neither \"liked\" nor \"disliked\" names anything");
    }
    FittedPrompt prompt =
        FittedPrompt.of(encoder, domain, new Question(liked, disliked, target.textValue()));
    ObjectNode scored = JSON.createObjectNode();
    // First, and so it stays when the question has a field of that name, whose value is replaced.
    scored.put(ScoreOutput.LINE, number);
    scored.setAll(fields);
    scored.put(ScoreOutput.LINE, number);
    scored.put(ScoreOutput.CUT, prompt.itemsLeftOut());
    return new Scorable(scored, prompt.ids());
  }

  private static ObjectNode object(String text) throws IOException {
    JsonNode node;
    try {
      node = JSON.readTree(text);
    } catch (MismatchedInputException e) {
      throw new IOException("something follows the JSON object", e);
    }
    if (node instanceof ObjectNode object) {
      return object;
    }
    throw new IOException("not a JSON object");
  }

  /** The titles under a name; none where it is missing, and not where it is something else. */
  private static List<String> titles(ObjectNode fields, String name) throws IOException {
    JsonNode array = fields.path(name);
    if (!array.isMissingNode() && !array.isArray()) {
      throw new IOException(
          "\"" + name + "\" is not a list of titles: [\"A\", \"B\"], or [] for none");
    }
    List<String> titles = new ArrayList<>();
    for (JsonNode title : array) {
      if (!title.isTextual()) {
        throw new IOException("\"" + name + "\" holds something that is not a title");
      }
      titles.add(title.textValue());
    }
    return titles;
  }

  private List<ObjectNode> scored(List<Scorable> lines, ModelOptions.Opened opened)
      throws IOException {
    List<ObjectNode> scored = new ArrayList<>();
    try (TasteScorer scorer =
        new TasteScorer(
            opened.base().network(),
            opened.active(),
            AnswerTokens.of(opened.base().tokenizer()),
            lines.stream().map(Scorable::prompt).toList(),
            batchTokens)) {
      List<Taste> tastes = scorer.score((done, all) -> {});
      for (int i = 0; i < tastes.size(); i++) {
        Taste taste = tastes.get(i);
        ObjectNode fields = lines.get(i).fields();
        fields.put(ScoreOutput.YES, taste.yes());
        fields.put(ScoreOutput.NO, taste.no());
        fields.put(ScoreOutput.SCORE, taste.score());
        scored.add(fields);
      }
    }
    return scored;
  }
}
