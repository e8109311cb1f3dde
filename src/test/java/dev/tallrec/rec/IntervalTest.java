package dev.tallrec.rec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.text.Instruction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class IntervalTest {

  private static final Instruction TEXT = new Instruction("", "", "");

  /** Six users whose rows are mixed: 0 likes all, 5 nothing, which leaves draws without an AUC. */
  private static final int USERS = 6;

  private static final int ROWS = 8 * USERS;

  private final boolean[] likes = new boolean[ROWS];
  private final double[] good = new double[ROWS];
  private final double[] fair = new double[ROWS];
  private final List<RecExample> rows = new ArrayList<>();

  IntervalTest() {
    Random random = new Random(8);
    for (int i = 0; i < ROWS; i++) {
      int user = i % USERS;
      likes[i] = random.nextInt(5) >= user;
      good[i] = (likes[i] ? 1 : 0) + random.nextGaussian();
      fair[i] = (likes[i] ? 1 : 0) + 3 * random.nextGaussian() - user;
      rows.add(new RecExample(TEXT, likes[i], OptionalInt.of(70 - 9 * user), ""));
    }
  }

  private double aucInPlainLoops(double[] scores, int[] drawn) {
    double right = 0;
    double pairs = 0;
    for (int i = 0; i < ROWS; i++) {
      for (int j = 0; j < ROWS; j++) {
        if (likes[i] && !likes[j]) {
          int times = drawn[i % USERS] * drawn[j % USERS];
          right += scores[i] > scores[j] ? times : 0;
          pairs += times;
        }
      }
    }
    return right / pairs;
  }

  /** What is measured in each of the 6^6 draws there are, but for those where it cannot be. */
  private static double[] inEveryDraw(ToDoubleFunction<int[]> measured) {
    int draws = (int) Math.pow(USERS, USERS);
    return IntStream.range(0, draws)
        .mapToDouble(draw -> {
          int[] drawn = new int[USERS];
          for (int digits = draw, i = 0; i < USERS; i++, digits /= USERS) {
            drawn[digits % USERS]++;
          }
          return measured.applyAsDouble(drawn);
        })
        .filter(value -> !Double.isNaN(value))
        .toArray();
  }

  /** A share of 2.5 % has a standard error of half a percent in the 1000 draws of an interval. */
  private static void check(Interval interval, double[] values) {
    assertThat(values).hasSizeBetween(40_000, 46_654);
    for (double sign : new double[] {1, -1}) {
      double end = sign > 0 ? interval.low() : -interval.high();
      double[] signed = Arrays.stream(values).map(value -> sign * value).toArray();
      double beyond = Arrays.stream(signed).filter(value -> value < end - 1e-9).count();
      double notWithin = Arrays.stream(signed).filter(value -> value <= end + 1e-9).count();
      assertThat(beyond / values.length).isLessThan(0.04);
      assertThat(notWithin / values.length).isGreaterThan(0.01);
    }
  }

  @Test
  void endsAreThoseOfAllDrawsOfUsers() {
    Interval own = Interval.overUsers(new Auc(good, likes), rows).orElseThrow();
    check(own, inEveryDraw(drawn -> aucInPlainLoops(good, drawn)));
    Interval lead =
        Interval.ofDifference(new Auc(good, likes), new Auc(fair, likes), rows).orElseThrow();
    check(lead, inEveryDraw(drawn -> aucInPlainLoops(good, drawn) - aucInPlainLoops(fair, drawn)));
  }

  @Test
  void thereIsNoneOfUnknownUsersOrOne() {
    Auc auc = new Auc(good, likes);
    List<RecExample> oneUnknown = new ArrayList<>(rows);
    oneUnknown.set(5, new RecExample(TEXT, likes[5], OptionalInt.empty(), ""));
    assertThat(Interval.overUsers(auc, oneUnknown)).isEmpty();
    List<RecExample> ofOne = new ArrayList<>();
    for (boolean label : likes) {
      ofOne.add(new RecExample(TEXT, label, OptionalInt.of(3), ""));
    }
    assertThat(Interval.overUsers(auc, ofOne)).isEmpty();
    ofOne.set(0, rows.getFirst());
    assertThat(Interval.overUsers(auc, ofOne)).isPresent();
  }

  @Test
  void itHoldsWhatLiesBetweenItsEndsAndThese() {
    Interval interval = new Interval(-0.25, 0.5);
    assertThat(interval.holds(-0.25)).isTrue();
    assertThat(interval.holds(0.5)).isTrue();
    assertThat(interval.holds(-0.26)).isFalse();
    assertThat(interval.holds(0.51)).isFalse();
  }

  @Test
  void itHoldsTheValueAndIsWiderForFewerUsers() {
    int size = 400;
    double[] scores = new double[size];
    boolean[] liked = new boolean[size];
    List<RecExample> many = new ArrayList<>();
    List<RecExample> few = new ArrayList<>();
    Random random = new Random(3);
    for (int i = 0; i < size; i++) {
      int user = i / 50;
      liked[i] = random.nextInt(8) < user;
      scores[i] = user + random.nextGaussian();
      many.add(new RecExample(TEXT, liked[i], OptionalInt.of(i), ""));
      few.add(new RecExample(TEXT, liked[i], OptionalInt.of(user), ""));
    }
    Auc auc = new Auc(scores, liked);
    Interval narrow = Interval.overUsers(auc, many).orElseThrow();
    Interval wide = Interval.overUsers(auc, few).orElseThrow();
    assertThat(auc.value()).isBetween(narrow.low(), narrow.high());
    assertThat(wide.high() - wide.low()).isGreaterThan(1.5 * (narrow.high() - narrow.low()));
    assertThat(Interval.overUsers(auc, many)).contains(narrow);
  }

  @Test
  void aLeadIsJudgedInTheSameDrawsOfUsers() {
    int size = 400;
    double[] scores = new double[size];
    double[] slightlyBetter = new double[size];
    double[] noise = new double[size];
    double[] otherNoise = new double[size];
    boolean[] liked = new boolean[size];
    List<RecExample> examples = new ArrayList<>();
    Random random = new Random(5);
    for (int i = 0; i < size; i++) {
      int user = i / 20;
      liked[i] = random.nextInt(20) < user;
      scores[i] = user + 4 * random.nextGaussian();
      slightlyBetter[i] = scores[i] + (liked[i] ? 1 : 0);
      noise[i] = random.nextGaussian();
      otherNoise[i] = random.nextGaussian();
      examples.add(new RecExample(TEXT, liked[i], OptionalInt.of(user), ""));
    }
    Auc own = new Auc(scores, liked);
    Auc better = new Auc(slightlyBetter, liked);
    Auc other = new Auc(noise, liked);
    Interval lead = Interval.ofDifference(better, own, examples).orElseThrow();
    assertThat(lead.holds(better.value() - own.value())).isTrue();
    assertThat(lead.low()).isPositive();
    // The intervals of both overlap all the same: these say nothing of the difference.
    assertThat(Interval.overUsers(better, examples).orElseThrow().low())
        .isLessThan(Interval.overUsers(own, examples).orElseThrow().high());
    Interval reverse = Interval.ofDifference(own, better, examples).orElseThrow();
    assertThat(reverse.low()).isCloseTo(-lead.high(), within(1e-12));
    assertThat(reverse.high()).isCloseTo(-lead.low(), within(1e-12));
    assertThat(Interval.ofDifference(own, own, examples)).contains(new Interval(0, 0));
    assertThat(Interval.ofDifference(other, new Auc(otherNoise, liked), examples).orElseThrow())
        .satisfies(ends -> assertThat(ends.holds(0)).isTrue());
  }
}
