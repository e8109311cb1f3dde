package dev.tallrec.rec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.text.Instruction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** DeLong's test, AUC within users, and files of scores. */
class ComparedScoresTest {

  private static final int ROWS = 120;

  private final boolean[] liked = new boolean[ROWS];
  private final double[] good = new double[ROWS];
  private final double[] fair = new double[ROWS];
  private final double[] noise = new double[ROWS];

  ComparedScoresTest() {
    Random random = new Random(5);
    for (int i = 0; i < ROWS; i++) {
      liked[i] = random.nextInt(3) > 0;
      double signal = liked[i] ? 1 : 0;
      // Coarse, so that there are ties.
      good[i] = Math.round(4 * (signal + 0.5 * random.nextGaussian())) / 4.0;
      fair[i] = Math.round(4 * (signal + random.nextGaussian())) / 4.0;
      noise[i] = random.nextGaussian();
    }
  }

  /** The paper's covariance of structural components, term by term. */
  private double covarianceInPlainLoops(double[] a, double[] b) {
    double[][] components = {likedComponents(a), likedComponents(b)};
    double[][] others = {dislikedComponents(a), dislikedComponents(b)};
    return covariance(components[0], components[1]) / components[0].length
        + covariance(others[0], others[1]) / others[0].length;
  }

  private static double covariance(double[] x, double[] y) {
    double meanX = 0;
    double meanY = 0;
    for (int i = 0; i < x.length; i++) {
      meanX += x[i] / x.length;
      meanY += y[i] / y.length;
    }
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += (x[i] - meanX) * (y[i] - meanY);
    }
    return sum / (x.length - 1);
  }

  private double[] likedComponents(double[] scores) {
    return components(scores, true);
  }

  private double[] dislikedComponents(double[] scores) {
    return components(scores, false);
  }

  private double[] components(double[] scores, boolean of) {
    List<Double> values = new ArrayList<>();
    for (int i = 0; i < ROWS; i++) {
      if (liked[i] != of) {
        continue;
      }
      double wins = 0;
      int others = 0;
      for (int j = 0; j < ROWS; j++) {
        if (liked[j] != of) {
          others++;
          double likedScore = of ? scores[i] : scores[j];
          double dislikedScore = of ? scores[j] : scores[i];
          wins += likedScore > dislikedScore ? 1 : likedScore == dislikedScore ? 0.5 : 0;
        }
      }
      values.add(wins / others);
    }
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }

  @Test
  void theStandardErrorIsThatOfTheStructuralComponents() {
    DeLong test = DeLong.compare(liked, good, fair);
    double variance =
        covarianceInPlainLoops(good, good)
            + covarianceInPlainLoops(fair, fair)
            - 2 * covarianceInPlainLoops(good, fair);
    assertThat(test.standardError()).isCloseTo(Math.sqrt(variance), within(1e-12));
    assertThat(test.difference())
        .isCloseTo(Auc.of(good, liked) - Auc.of(fair, liked), within(1e-12));
    assertThat(test.p()).isBetween(0.0, 0.2);
  }

  /** By hand: variances of 1/8 over two likes and over two dislikes, and p = erfc(1/2). */
  @Test
  void twoLikesAndTwoDislikesAreCompared() {
    boolean[] labels = {true, true, false, false};
    DeLong test = DeLong.compare(labels, new double[] {3, 1, 2, 0}, new double[] {1, 2, 3, 0});
    assertThat(test.difference()).isCloseTo(0.75 - 0.5, within(1e-15));
    assertThat(test.standardError()).isCloseTo(Math.sqrt(0.125 / 2 + 0.125 / 2), within(1e-15));
    assertThat(test.p()).isCloseTo(0.4795001222, within(1e-10));
  }

  @Test
  void theSameRankingDoesNotDifferAndNoiseDoes() {
    double[] shifted = good.clone();
    for (int i = 0; i < ROWS; i++) {
      shifted[i] = 3 * good[i] + 7;
    }
    assertThat(DeLong.compare(liked, good, shifted).p()).isEqualTo(1);
    assertThat(DeLong.compare(liked, good, noise).p()).isLessThan(1e-6);
  }

  /** Two models that are equally good should be told apart in one case of twenty. */
  @Test
  void chanceDifferencesAreFoundAsOftenAsTheyShould() {
    Random random = new Random(11);
    int found = 0;
    int cases = 400;
    for (int round = 0; round < cases; round++) {
      double[] a = new double[ROWS];
      double[] b = new double[ROWS];
      for (int i = 0; i < ROWS; i++) {
        double signal = liked[i] ? 0.8 : 0;
        a[i] = signal + random.nextGaussian();
        b[i] = signal + random.nextGaussian();
      }
      found += DeLong.compare(liked, a, b).p() < 0.05 ? 1 : 0;
    }
    assertThat(found).isBetween(8, 36);
  }

  private static List<RecExample> examples(boolean[] labels, int... users) {
    List<RecExample> examples = new ArrayList<>();
    for (int i = 0; i < labels.length; i++) {
      examples.add(
          new RecExample(new Instruction("", "", ""), labels[i], OptionalInt.of(users[i]), ""));
    }
    return examples;
  }

  @Test
  void withinUsersOnlyTheUsersOwnRowsAreCompared() {
    boolean[] labels = {true, false, true, false, true, true};
    List<RecExample> rows = examples(labels, 1, 1, 2, 2, 2, 3);
    // User 1: wrong way round; user 2: one of two pairs right; user 3 has no dislike.
    WithinUser within = WithinUser.of(rows, new double[] {0, 1, 10, 11, 12, 5}).orElseThrow();
    assertThat(within.users()).isEqualTo(2);
    assertThat(within.auc()).isCloseTo((2 * 0 + 3 * 0.5) / 5, within(1e-12));
  }

  @Test
  void withoutItsUserAnyRowLeavesNothingToCompare() {
    List<RecExample> rows = new ArrayList<>(examples(new boolean[] {true, false, true}, 1, 1, 2));
    double[] scores = {1, 0, 2};
    assertThat(WithinUser.of(rows, scores)).contains(new WithinUser(1, 1));
    rows.set(2, new RecExample(rows.get(2).text(), true, OptionalInt.empty(), ""));
    assertThat(WithinUser.of(rows, scores)).isEmpty();
  }

  @Test
  void tastesRankByTheirDifferenceAndTellHowFarTheQuestionIsAnswered() {
    List<RecExample> rows = examples(new boolean[] {true, false, true}, 1, 1, 2);
    // By pYes the dislike is the second, by pYes - pNo the last.
    List<Taste> tastes = List.of(new Taste(0.25, 0), new Taste(0.375, 0.5), new Taste(0.5, 0.125));
    Evaluation evaluation = Evaluation.of(rows, tastes);
    assertThat(evaluation.auc()).isEqualTo(1);
    assertThat(evaluation.answerMass()).isCloseTo((0.25 + 0.875 + 0.625) / 3, within(1e-15));
    assertThat(evaluation.examples()).isEqualTo(3);
  }

  @Test
  void scoresComeBackFromTheirFile(@TempDir Path directory) throws IOException {
    boolean[] labels = {true, false};
    Path file = directory.resolve("scores.csv");
    ScoreFile.write(file, examples(labels, 1, 2), new double[] {0.1, 1e-300});
    assertThat(ScoreFile.read(file)).containsExactly(0.1, 1e-300);
    List<RecExample> rows = new ArrayList<>(examples(labels, 7, 2));
    rows.set(1, new RecExample(rows.get(1).text(), false, OptionalInt.empty(), ""));
    ScoreFile.write(file, rows, List.of(new Taste(0.5, 0.25), new Taste(0.125, 0.75)));
    assertThat(ScoreFile.read(file)).containsExactly(0.25, -0.625);
    assertThat(Files.readAllLines(file))
        .containsExactly(
            "example,user,liked,p_yes,p_no,score", "1,7,1,0.5,0.25,0.25", "2,,0,0.125,0.75,-0.625");
  }
}
