package dev.tallrec.cli;

import dev.tallrec.rec.Domain;
import dev.tallrec.rec.FittedPrompt;
import dev.tallrec.rec.Question;
import dev.tallrec.rec.Taste;
import dev.tallrec.rec.TasteScorer;
import dev.tallrec.text.AnswerTokens;
import dev.tallrec.text.ExampleEncoder;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Ranks candidates for a user. */
@Command(
    name = "recommend",
    mixinStandardHelpOptions = true,
    description = "Ranks candidates for a user of whom some likes and dislikes are known.",
    footer = {
      "",
      "Example:",
      "  tallrec recommend --adapter runs/TIME/adapter --liked \"Star Wars (1977)\" \\",
      "      --disliked \"Crash (1996)\" --candidate \"Alien (1979)\" --candidate \"Bambi (1942)\""
    })
final class RecommendCommand implements Callable<Integer> {

  private static final int BATCH_TOKENS = 2048;

  @Spec private CommandSpec spec;

  @Mixin private ModelOptions model = new ModelOptions();

  @Option(names = "--domain", description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  private Domain domain = Domain.MOVIE;

  @Option(
      names = "--liked",
      paramLabel = "TITLE",
      description =
          "Something the user liked; may be repeated, oldest first. A book's author: 'TITLE\""
              + " written by AUTHOR'.")
  private List<String> liked = List.of();

  @Option(
      names = "--disliked",
      paramLabel = "TITLE",
      description = "Something the user did not like; may be repeated, oldest first.")
  private List<String> disliked = List.of();

  @Option(
      names = "--candidate",
      paramLabel = "TITLE",
      description = "A candidate; may be repeated.")
  private List<String> candidates = List.of();

  @Option(
      names = "--candidates",
      paramLabel = "FILE",
      description = "File of candidates, one a line, in UTF-8.")
  private @Nullable Path candidateFile;

  @Override
  public Integer call() throws IOException {
    List<String> titles = new ArrayList<>(candidates);
    if (candidateFile != null) {
      titles.addAll(read(candidateFile));
    }
    if (titles.isEmpty()) {
      throw new CommandLine.ParameterException(
          spec.commandLine(), "no candidates: give --candidate or --candidates");
    }
    if (liked.isEmpty() && disliked.isEmpty()) {
      throw new CommandLine.ParameterException(
          spec.commandLine(), "nothing is known of the user: give --liked or --disliked");
    }
    try (ModelOptions.Opened opened = model.open()) {
      print(titles, score(titles, opened));
    }
    return 0;
  }

  private static List<String> read(Path file) throws IOException {
    try {
      return Files.readAllLines(file).stream()
          .map(String::strip)
          .filter(line -> !line.isEmpty())
          .toList();
    } catch (CharacterCodingException e) {
      throw new IOException(
          "%s is not in UTF-8: convert it first, for instance with iconv -f LATIN1 -t UTF-8"
              .formatted(file),
          e);
    }
  }

  private List<Taste> score(List<String> titles, ModelOptions.Opened opened) throws IOException {
    ExampleEncoder encoder = opened.base().encoder(Integer.MAX_VALUE, false);
    List<int[]> prompts = prompts(titles, encoder);
    AnswerTokens answers = AnswerTokens.of(opened.base().tokenizer());
    try (TasteScorer scorer =
        new TasteScorer(opened.base().network(), opened.active(), answers, prompts, BATCH_TOKENS)) {
      return scorer.score((done, all) -> {});
    }
  }

  /** Prompts of one and the same history, so that candidates compare: what all of them leave. */
  private List<int[]> prompts(List<String> titles, ExampleEncoder encoder) {
    List<FittedPrompt> whole = prompts(titles, encoder, 0);
    int leftOut = whole.stream().mapToInt(FittedPrompt::itemsLeftOut).max().orElse(0);
    if (leftOut == 0) {
      return whole.stream().map(FittedPrompt::ids).toList();
    }
    System.err.printf(
        "tallrec: the %d oldest of %d titles liked and disliked are left out to fit the %d tokens"
            + " that the model takes%n",
        leftOut, liked.size() + disliked.size(), encoder.cutoff());
    return prompts(titles, encoder, leftOut).stream().map(FittedPrompt::ids).toList();
  }

  private List<FittedPrompt> prompts(List<String> titles, ExampleEncoder encoder, int leftOut) {
    List<FittedPrompt> prompts = new ArrayList<>();
    for (String title : titles) {
      Question question = new Question(liked, disliked, title).withoutOldest(leftOut);
      try {
        prompts.add(FittedPrompt.of(encoder, domain, question));
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException("candidate %s: %s".formatted(title, e.getMessage()), e);
      }
    }
    return prompts;
  }

  private static void print(List<String> titles, List<Taste> tastes) {
    List<Integer> order =
        IntStream.range(0, titles.size())
            .boxed()
            .sorted(Comparator.comparingDouble((Integer i) -> -tastes.get(i).score()))
            .toList();
    System.out.println("rank    score   p(Yes)    p(No)  title");
    for (int rank = 0; rank < order.size(); rank++) {
      Taste taste = tastes.get(order.get(rank));
      System.out.printf(
          "%4d  %+.4f   %.4f   %.4f  %s%n",
          rank + 1, taste.score(), taste.yes(), taste.no(), titles.get(order.get(rank)));
    }
  }
}
