package dev.tallrec.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tallrec.rec.Domain;
import dev.tallrec.rec.Taste;
import dev.tallrec.rec.TasteScorer;
import dev.tallrec.text.AnswerTokens;
import dev.tallrec.text.ExampleEncoder;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Scores any number of questions. */
@Command(
    name = "score",
    mixinStandardHelpOptions = true,
    description = {
      "Scores questions of a JSON-lines file, in memory that does not grow with it:",
      "  {\"liked\": [\"A\"], \"disliked\": [], \"target\": \"B\", ...}",
      "Each comes out with its line number, p_yes, p_no and score added. Lines that cannot be read go to OUTPUT.bad with the reason. A"
          + " run that was interrupted goes on where it stopped."
    })
final class ScoreCommand implements Callable<Integer> {

  private static final int LINES_AT_A_TIME = 512;
  private static final String LINE = "line";
  private static final JsonMapper JSON = new JsonMapper();

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
      description = "Tokens scored at a time (default: ${DEFAULT-VALUE}).")
  private int batchTokens = 4096;

  /** A line that can be scored. */
  private record Question(ObjectNode fields, int[] prompt) {}

  @Override
  public Integer call() throws IOException {
    Path bad = output.resolveSibling(output.getFileName() + ".bad");
    long done = lastLine(output);
    long lastProblem = lastLine(bad);
    long total;
    try (Stream<String> lines = Files.lines(input)) {
      total = lines.count();
    }
    ConsoleListener listener = ConsoleListener.standard();
    if (done > 0) {
      listener.message("going on after %,d lines".formatted(done));
    }
    try (ModelOptions.Opened opened = model.open();
        BufferedReader reader = Files.newBufferedReader(input);
        BufferedWriter scores = append(output);
        BufferedWriter problems = append(bad)) {
      ExampleEncoder encoder = opened.base().encoder(Integer.MAX_VALUE, false);
      for (long i = 0; i < done; i++) {
        reader.readLine();
      }
      listener.begin("scoring", total);
      long line = done;
      List<Question> questions = new ArrayList<>();
      for (String text = reader.readLine(); text != null; text = reader.readLine()) {
        line++;
        try {
          questions.add(question(line, text, encoder));
        } catch (IOException | IllegalArgumentException e) {
          if (line > lastProblem) {
            problems.write(problem(line, text, e));
            problems.newLine();
          }
        }
        if (questions.size() == LINES_AT_A_TIME) {
          write(questions, opened, scores);
          problems.flush();
          listener.advance(line, "");
        }
      }
      write(questions, opened, scores);
      listener.advance(Math.max(1, line), "");
      listener.end();
    }
    System.out.printf("scores: %s; lines that could not be read, if any: %s%n", output, bad);
    return 0;
  }

  private static BufferedWriter append(Path file) throws IOException {
    return Files.newBufferedWriter(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  /**
   * Number of the input's line that a file's last whole line stems from; what a kill left of
   * another is cut off.
   */
  private static long lastLine(Path file) throws IOException {
    if (!Files.exists(file)) {
      return 0;
    }
    long last = 0;
    long end = 0;
    try (SeekableByteChannel channel =
        Files.newByteChannel(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteArrayOutputStream line = new ByteArrayOutputStream();
      ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
      long position = 0;
      while (channel.read(buffer.clear()) > 0) {
        buffer.flip();
        while (buffer.hasRemaining()) {
          byte next = buffer.get();
          position++;
          if (next == '\n') {
            last = JSON.readTree(line.toByteArray()).path(LINE).asLong();
            line.reset();
            end = position;
          } else {
            line.write(next);
          }
        }
      }
      channel.truncate(end);
    } catch (JsonProcessingException e) {
      throw new IOException(file + " is in the way: it is not an output of this command", e);
    }
    return last;
  }

  private Question question(long line, String text, ExampleEncoder encoder) throws IOException {
    JsonNode node = JSON.readTree(text);
    if (!(node instanceof ObjectNode fields)) {
      throw new IOException("not a JSON object");
    }
    List<String> liked = titles(fields, "liked");
    List<String> disliked = titles(fields, "disliked");
    JsonNode target = fields.path("target");
    if (!target.isTextual() || target.textValue().isBlank()) {
      throw new IOException("no \"target\"");
    }
    if (liked.isEmpty() && disliked.isEmpty()) {
      throw new IOException("neither \"liked\" nor \"disliked\" names anything");
    }
    fields.put(LINE, line);
    return new Question(
        fields,
        encoder.encodePrompt(domain.question(liked, disliked, target.textValue(), "")).ids());
  }

  private static List<String> titles(ObjectNode fields, String name) throws IOException {
    List<String> titles = new ArrayList<>();
    for (JsonNode title : fields.path(name)) {
      if (!title.isTextual()) {
        throw new IOException("\"" + name + "\" holds something that is not a title");
      }
      titles.add(title.textValue());
    }
    return titles;
  }

  private static String problem(long line, String text, Exception e)
      throws JsonProcessingException {
    ObjectNode problem = JSON.createObjectNode();
    problem.put(LINE, line);
    problem.put(
        "problem",
        e instanceof JsonProcessingException json ? json.getOriginalMessage() : e.getMessage());
    problem.put("text", text);
    return JSON.writeValueAsString(problem);
  }

  private void write(List<Question> questions, ModelOptions.Opened opened, BufferedWriter out)
      throws IOException {
    if (questions.isEmpty()) {
      return;
    }
    List<int[]> prompts = questions.stream().map(Question::prompt).toList();
    try (TasteScorer scorer =
        new TasteScorer(
            opened.base().network(),
            opened.active(),
            AnswerTokens.of(opened.base().tokenizer()),
            prompts,
            batchTokens)) {
      List<Taste> tastes = scorer.score((done, all) -> {});
      for (int i = 0; i < tastes.size(); i++) {
        ObjectNode fields = questions.get(i).fields();
        fields.put("p_yes", tastes.get(i).yes());
        fields.put("p_no", tastes.get(i).no());
        fields.put("score", tastes.get(i).score());
        out.write(JSON.writeValueAsString(fields));
        out.newLine();
      }
    }
    out.flush();
    questions.clear();
  }
}
