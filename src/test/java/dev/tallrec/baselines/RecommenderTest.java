package dev.tallrec.baselines;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.baselines.RecommenderSettings.Objective;
import dev.tallrec.rec.Auc;
import dev.tallrec.rec.Domain;
import dev.tallrec.rec.KShot;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import dev.tallrec.text.Instruction;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class RecommenderTest {

  private static RecData movies;
  private static ItemCatalog catalog;

  @BeforeAll
  static void read() throws IOException {
    movies = RecData.published(Domain.MOVIE);
    catalog = ItemCatalog.of(movies);
  }

  private static RecommenderSettings settings(
      Architecture architecture, Objective objective, double droWeight, int epochs) {
    return new RecommenderSettings(
        architecture, objective, droWeight, 0.5, 64, 4, 4, 0.1, 1e-3, 1e-3, epochs, 256, 5);
  }

  @ParameterizedTest
  @CsvSource({
    "GRU4REC, LABEL, 0",
    "CASER, LABEL, 0",
    "SASREC, LABEL, 0",
    "GRU4REC, LABEL, 0.4",
    "SASREC, NEXT_ITEM, 0"
  })
  void lossFallsAndTheSameSeedGivesTheSameScores(
      Architecture architecture, Objective objective, double droWeight) throws IOException {
    List<RecExample> shots = KShot.sample(movies.train(), 64, 0);
    RecommenderSettings settings = settings(architecture, objective, droWeight, 60);
    Recommender.Outcome first = train(settings, shots, null);
    assertThat(first.curve().getLast().loss()).isLessThan(first.curve().getFirst().loss());
    assertThat(first.test()).hasSize(1000);
    assertThat(first.kept().validAuc())
        .isEqualTo(
            first.curve().stream().mapToDouble(Recommender.Point::validAuc).max().orElseThrow());
    assertThat(train(settings, shots, null).test()).isEqualTo(first.test());
  }

  /** What a step computes must not lie in memory that nobody holds. */
  @ParameterizedTest
  @CsvSource({"CASER, LABEL, 0", "GRU4REC, LABEL, 0.4", "SASREC, NEXT_ITEM, 0"})
  void collectingGarbageChangesNothing(
      Architecture architecture, Objective objective, double droWeight) throws Exception {
    List<RecExample> shots = KShot.sample(movies.train(), 64, 0);
    RecommenderSettings settings = settings(architecture, objective, droWeight, 4);
    double[] undisturbed = train(settings, shots, null).test();
    AtomicBoolean isDone = new AtomicBoolean();
    try (ExecutorService collector = Executors.newSingleThreadExecutor()) {
      Future<?> collected =
          collector.submit(() -> {
            while (!isDone.get()) {
              System.gc();
            }
          });
      try {
        assertThat(train(settings, shots, null).test()).isEqualTo(undisturbed);
      } finally {
        isDone.set(true);
      }
      collected.get();
    }
  }

  private static Recommender.Outcome train(
      RecommenderSettings settings, List<RecExample> shots, @Nullable ItemFeatures features)
      throws IOException {
    try (Recommender recommender = new Recommender(settings, movies, shots, catalog, features, 3)) {
      return recommender.train((done, message) -> {}, () -> false).orElseThrow();
    }
  }

  @Test
  void theRobustTermTakesPartInTraining() throws IOException {
    List<RecExample> shots = KShot.sample(movies.train(), 64, 0);
    Recommender.Outcome without =
        train(settings(Architecture.GRU4REC, Objective.LABEL, 0, 5), shots, null);
    Recommender.Outcome with =
        train(settings(Architecture.GRU4REC, Objective.LABEL, 0.4, 5), shots, null);
    // Scores are small at first: the term is little more than the logarithm of the items' number.
    assertThat(with.curve().getFirst().loss() - without.curve().getFirst().loss())
        .isCloseTo(0.4 * Math.log(catalog.size()), within(1e-3));
    assertThat(with.test()).isNotEqualTo(without.test());
  }

  /**
   * Scores are small at first: a squared error of 1/2 is 1/4, and a liked target and another item
   * cost ln 2 each.
   */
  @ParameterizedTest
  @CsvSource({"LABEL, 0.25", "NEXT_ITEM, 1.3862943611198906"})
  void anUntrainedModelKnowsNothing(Objective objective, double loss) throws IOException {
    List<RecExample> shots = KShot.sample(movies.train(), 64, 0);
    RecommenderSettings settings =
        new RecommenderSettings(
            Architecture.GRU4REC, objective, 0, 0.5, 64, 1, 4, 0, 1e-3, 0, 2, 256, 0);
    List<Recommender.Point> curve = train(settings, shots, null).curve();
    assertThat(curve).extracting(Recommender.Point::step).containsExactly(1, 2);
    assertThat(curve.getFirst().loss()).isCloseTo(loss, within(0.1 * loss));
  }

  /** Whether the user likes the target is that of the last item of the history, or its contrary. */
  @ParameterizedTest
  @EnumSource
  void whatAHistoryTellsIsLearnt(Architecture architecture) throws IOException {
    List<RecExample> rows = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      boolean liked = i % 2 == 0;
      rows.add(row(liked ? "01" : "10", List.of("A"), List.of("B"), "C", liked));
    }
    RecData data = new RecData("told", rows, rows, rows);
    RecommenderSettings settings =
        new RecommenderSettings(
            architecture, Objective.LABEL, 0, 0.5, 16, 1, 4, 0, 1e-2, 0, 40, 64, 0);
    try (Recommender recommender =
        new Recommender(settings, data, rows, ItemCatalog.of(data), null, 3)) {
      Recommender.Outcome outcome =
          recommender.train((done, message) -> {}, () -> false).orElseThrow();
      assertThat(outcome.curve().getLast().loss()).isLessThan(0.1);
      assertThat(outcome.kept().validAuc()).isEqualTo(1);
      assertThat(Auc.of(outcome.test(), RecExample.labels(rows))).isEqualTo(1);
    }
  }

  @Test
  void valuesThatLeaveAllBoundsEndTheTraining() throws IOException {
    List<RecExample> shots = KShot.sample(movies.train(), 64, 0);
    RecommenderSettings settings =
        new RecommenderSettings(
            Architecture.CASER, Objective.LABEL, 0, 0.5, 16, 1, 4, 0, 1e30, 0, 9, 64, 0);
    assertThatThrownBy(() -> train(settings, shots, null))
        .isInstanceOf(ArithmeticException.class)
        .hasMessageContainingAll("CASER", "of step", "learning rate below 1.0E30");
  }

  private static RecExample row(
      String order, List<String> liked, List<String> disliked, String target, boolean answer) {
    String input =
        "User Preference: %s\nUser Unpreference: %s\nWhether the user will like the target movie \"%s\"?"
            .formatted(quoted(liked), quoted(disliked), target);
    return new RecExample(
        new Instruction("?", input, answer ? RecExample.YES : RecExample.NO),
        answer,
        OptionalInt.empty(),
        order);
  }

  private static String quoted(List<String> titles) {
    return titles.stream().map(title -> "\"" + title + "\"").collect(Collectors.joining(", "));
  }

  @Test
  void historiesAreInTheirOrderWithTheirLikesTheLastTenOfThem() throws IOException {
    List<String> many = List.of("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11");
    List<RecExample> rows =
        List.of(
            row("", many, List.of(), "12", true),
            row("011", List.of("2", "3"), List.of("9"), "4", false),
            row("", List.of(), List.of(), "0", true));
    ItemCatalog numbers = ItemCatalog.of(new RecData("x", rows, List.of(), List.of()));
    assertThat(numbers.padding()).isEqualTo(13);
    Sequences all = Sequences.of(rows, numbers);
    assertThat(all.rows(1, 0, 2).items())
        .containsExactly(
            9, 2, 3, 3, 3, 3, 3, 3, 3, 3, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 13, 13, 13, 13, 13,
            13, 13, 13, 13);
    assertThat(Arrays.copyOf(all.rows(1, 0, 2).likes(), 22))
        .containsExactly(0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0);
    assertThat(all.rows(1, 0, 2).targets()).containsExactly(4, 12, 0);
    assertThat(all.rows(1, 0, 2).labels()).containsExactly(0, 1, 1);
  }

  @Test
  void featuresOfTitlesAreUsed() throws IOException {
    List<RecExample> shots = KShot.sample(movies.train(), 64, 0);
    RecommenderSettings settings = settings(Architecture.GRU4REC, Objective.LABEL, 0, 5);
    float[] values = new float[catalog.size() * 8];
    Random random = new Random(1);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    assertThat(train(settings, shots, new ItemFeatures(8, values)).test())
        .isNotEqualTo(train(settings, shots, null).test());
  }

  @Test
  void standardizedFeaturesAreCentredAndOfLengthOne() {
    ItemFeatures features = new ItemFeatures(2, new float[] {1, 5, 3, 5, 5, 5}).standardized();
    float edge = (float) Math.sqrt(1.5);
    assertThat(features.values()).containsExactly(-edge, 0, 0, 0, edge, 0);
  }

  @Test
  void booksAreReadWithBothMarksOfTheirTitles() throws IOException {
    assertThat(ItemCatalog.of(RecData.published(Domain.BOOK)).items())
        .contains("\"Sara.\" written by Stephen King");
    assertThat(catalog.items()).contains("Perez Family, The (1995)");
  }

  @Test
  void shortHistoriesEndInTheirLastItemAndEmptyOnesInNone() throws IOException {
    RecData books = RecData.published(Domain.BOOK);
    ItemCatalog numbers = ItemCatalog.of(books);
    Sequences sequences = Sequences.of(books.test(), numbers);
    int repeated = 0;
    for (int row = 0; row < sequences.rows(); row++) {
      int last = row * Sequences.LENGTH + Sequences.LENGTH - 1;
      assertThat(sequences.items()[last]).isBetween(0L, (long) numbers.padding());
      repeated += sequences.items()[last] == sequences.items()[last - 1] ? 1 : 0;
    }
    assertThat(repeated).isGreaterThan(500);
  }
}
