package dev.tallrec.baselines;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.baselines.RecommenderSettings.Objective;
import dev.tallrec.rec.Domain;
import dev.tallrec.rec.KShot;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import java.io.IOException;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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
