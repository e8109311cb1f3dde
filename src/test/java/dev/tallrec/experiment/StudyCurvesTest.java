package dev.tallrec.experiment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.rec.Auc;
import dev.tallrec.rec.Domain;
import dev.tallrec.rec.Evaluation;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.ScoreFile;
import dev.tallrec.report.Study;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.DoubleStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is drawn of runs. */
class StudyCurvesTest {

  private static final Offset<Double> CLOSE = within(1e-9);

  private final Map<Grid.Cell, CellResult> results = new LinkedHashMap<>();

  private void run(String variant, int k, long seed, double auc, CellResult.Point... curve) {
    CellResult result = MovieResult.of(new Evaluation(auc, null, 1, 1000));
    results.put(
        MovieResult.cell(variant, k, seed),
        new CellResult(
            result.version(),
            result.configuration(),
            result.machine(),
            result.seconds(),
            result.test(),
            List.of(curve),
            result.remarks()));
  }

  private Outcomes outcomes(Path directory, List<Integer> k, String... variants) {
    Map<String, Map<String, String>> settings = new LinkedHashMap<>();
    Arrays.stream(variants).forEach(variant -> settings.put(variant, Map.of()));
    Grid grid =
        new Grid(
            "Few-shot",
            "mini",
            settings,
            List.of("movie"),
            List.of(),
            k,
            List.of(0L, 1L),
            Map.of());
    return new Outcomes(directory, grid, results, Map.of());
  }

  @Test
  void equalScoresAreOnePointOfARocCurve() {
    Study.Series roc =
        RocCurve.of(
            "x",
            new double[] {0.3, 0.8, 0.9, 0.8, 0.1},
            new boolean[] {false, true, true, false, false});

    assertThat(roc.x()).containsExactly(0.0, 0.0, 1 / 3.0, 2 / 3.0, 1.0);
    assertThat(roc.y()).containsExactly(0.0, 0.5, 1.0, 1.0, 1.0);
  }

  /** Scores of two digits have ties; more of them than a curve has points. */
  @ParameterizedTest
  @ValueSource(ints = {2, 10, 199, 1000, 4001})
  void aRocCurveEnclosesTheAuc(int size) {
    SplittableRandom random = new SplittableRandom(size);
    double[] scores = new double[size];
    boolean[] liked = new boolean[size];
    for (int i = 0; i < size; i++) {
      liked[i] = i == 0 || (i > 1 && random.nextInt(3) == 0);
      scores[i] = random.nextInt(size) / 2 + (liked[i] ? size / 10 : 0);
    }
    Study.Series roc = RocCurve.of("x", scores, liked);

    Set<List<Double>> points = new HashSet<>();
    for (double threshold :
        DoubleStream.concat(Arrays.stream(scores), DoubleStream.of(1e9)).toArray()) {
      points.add(
          List.of(share(scores, liked, false, threshold), share(scores, liked, true, threshold)));
    }
    double area = 0;
    for (int i = 0; i < roc.x().size(); i++) {
      assertThat(points).contains(List.of(roc.x().get(i), roc.y().get(i)));
      if (i > 0) {
        area += (roc.x().get(i) - roc.x().get(i - 1)) * (roc.y().get(i) + roc.y().get(i - 1)) / 2;
      }
    }
    assertThat(area).isCloseTo(Auc.of(scores, liked), within(size < 400 ? 1e-9 : 1e-3));
    assertThat(roc.x()).startsWith(0.0).endsWith(1.0).hasSizeLessThanOrEqualTo(202);
    assertThat(roc.y()).startsWith(0.0).endsWith(1.0);
  }

  /** Share of the rows with this label that score {@code threshold} or more. */
  private static double share(double[] scores, boolean[] liked, boolean label, double threshold) {
    double all = 0;
    double above = 0;
    for (int i = 0; i < scores.length; i++) {
      if (liked[i] == label) {
        all++;
        above += scores[i] >= threshold ? 1 : 0;
      }
    }
    return above / all;
  }

  @Test
  void aFewShotCurveHasTheMeanAndTheDeviationOverSeedsForEachKThatIsDone() {
    run("two seeds", 64, 0, 0.5);
    run("two seeds", 64, 1, 0.6);
    run("two seeds", 16, 0, 0.4);
    run("two seeds", 16, 1, 0.44);
    run("two seeds", 0, 0, 0.9);
    run("one at 16", 16, 0, 0.7);
    run("one at 16", 64, 0, 0.7);
    run("one at 16", 64, 1, 0.8);

    Study.LineChart chart =
        StudyCurves.kshot(
                outcomes(
                    Path.of("unused"),
                    List.of(256, 64, 0, 16),
                    "two seeds",
                    "one at 16",
                    "never run"),
                "movie")
            .orElseThrow();

    assertThat(chart.series())
        .extracting(Study.Series::name)
        .containsExactly("two seeds", "one at 16");
    Study.Series two = chart.series().getFirst();
    assertThat(two.x()).containsExactly(16.0, 64.0);
    assertClose(two.y(), 42, 55);
    // Of a sample: the difference of two values by the square root of 2.
    assertClose(two.spread(), 2.8284271247461903, 7.0710678118654755);
    assertClose(chart.series().getLast().y(), 70, 75);
    assertThat(chart.series().getLast().spread()).isEmpty();
  }

  private static void assertClose(List<Double> values, double... right) {
    assertThat(values.stream().mapToDouble(Double::doubleValue).toArray())
        .containsExactly(right, CLOSE);
  }

  @Test
  void oneKOrNoRunMakeNoFewShotCurve() {
    Path unused = Path.of("unused");
    assertThat(StudyCurves.kshot(outcomes(unused, List.of(16, 64), "a"), "movie")).isEmpty();
    run("a", 16, 0, 0.5);
    assertThat(StudyCurves.kshot(outcomes(unused, List.of(16, 0), "a"), "movie")).isEmpty();
  }

  @Test
  void curvesAreOfTheLargestKAndTheFirstSeed(@TempDir Path directory) throws IOException {
    CellResult.Point first = new CellResult.Point(8, 0.7);
    CellResult.Point second = new CellResult.Point(16, 0.5);
    run("TALLRec", 16, 0, 0.5, first, first);
    run("TALLRec", 0, 0, 0.5, first, second);
    run("TALLRec", 0, 1, 0.5, second, second);
    run("untuned", 0, 0, 0.5);
    RecData movies = RecData.published(Domain.MOVIE);
    double[] scores = new double[movies.test().size()];
    for (Grid.Cell cell : results.keySet()) {
      for (int i = 0; i < scores.length; i++) {
        scores[i] = cell.k() == 0 && cell.seed() == 0 ? i : -i;
      }
      Path file = CellResult.scores(directory.resolve(cell.name()), "movie");
      Files.createDirectories(file.getParent());
      ScoreFile.write(file, movies.test(), scores);
    }

    TestSet test =
        TestSet.read(
            outcomes(directory, List.of(16, 0, 256), "untuned", "TALLRec", "later"),
            "movie",
            movies);

    assertThat(test.k()).isZero();
    assertThat(test.byVariant()).containsOnlyKeys("untuned", "TALLRec");
    assertThat(test.reference()).isEqualTo("TALLRec");
    assertThat(StudyCurves.roc(test).series())
        .extracting(Study.Series::y)
        .containsExactly(
            RocCurve.of("", ascending(scores.length), test.liked()).y(),
            RocCurve.of("", ascending(scores.length), test.liked()).y());
    assertThat(StudyCurves.loss(test).map(Study.LineChart::series).orElse(List.of()))
        .containsExactly(
            new Study.Series("TALLRec", List.of(8.0, 16.0), List.of(0.7, 0.5), List.of()));
  }

  private static double[] ascending(int size) {
    double[] values = new double[size];
    Arrays.setAll(values, i -> i);
    return values;
  }

  @Test
  void runsWithoutACurveHaveNoChartOfTheLoss() {
    run("untuned", 16, 0, 0.5);
    run("TALLRec", 16, 0, 0.5, new CellResult.Point(1, 0.5));
    Outcomes outcomes = outcomes(Path.of("unused"), List.of(16), "untuned", "TALLRec");
    Map<String, List<Grid.Cell>> byVariant = new LinkedHashMap<>();
    results.keySet().forEach(cell -> byVariant.put(cell.variant(), List.of(cell)));

    Optional<Study.LineChart> loss =
        StudyCurves.loss(
            new TestSet(outcomes, "movie", List.of(), new boolean[0], 16, byVariant, Map.of()));

    assertThat(loss).isEmpty();
  }
}
