package dev.tallrec.tune;

import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What a run learns users' tastes from, and what it is tested on.
 *
 * @param train data sets that it is rec-tuned on
 * @param test data sets that it is tested on
 */
public record RunData(List<RecData> train, List<RecData> test) {

  /**
   * The data sets that {@code settings} name.
   *
   * @throws IOException if one is missing or broken, or none is named
   */
  static RunData of(TuneSettings settings) throws IOException {
    List<RecData> train = named(settings.data());
    return new RunData(train, settings.test().isEmpty() ? train : named(settings.test()));
  }

  private static List<RecData> named(List<String> names) throws IOException {
    if (names.isEmpty()) {
      throw new IOException("no data set is named");
    }
    List<RecData> sets = new ArrayList<>();
    for (String name : names) {
      sets.add(RecData.named(name));
    }
    return sets;
  }

  /**
   * Checks that the data are enough for the run's K, that AUCs are defined on them, and that their
   * results can be told apart: better said before than after hours.
   *
   * @throws IOException naming the data set and what is wrong with it
   */
  public void check(TuneSettings settings) throws IOException {
    checkNames();
    for (RecData data : test) {
      data.requireValid();
      data.requireTest();
    }
    if (settings.rec().epochs() == 0) {
      return;
    }
    for (RecData data : train) {
      data.requireSample(settings.k());
      RecData.requireBothLabels(
          data.name() + " valid (--rec-validation)", validation(data, settings.rec()));
    }
  }

  /** Results and scores are kept by a data set's name, which is the last part of its path. */
  private void checkNames() throws IOException {
    Set<String> names = new HashSet<>();
    for (RecData data : test) {
      if (!names.add(data.name())) {
        throw new IOException(
            "two data sets to test on are called %s, and results are kept by that name: rename the directory of one"
                .formatted(data.name()));
      }
    }
  }

  /** The rows that {@code stage} validates with: the first so many, all for 0. */
  static List<RecExample> validation(RecData data, StageSettings stage) {
    List<RecExample> all = data.valid();
    int limit = stage.validation();
    return limit == 0 ? all : all.subList(0, Math.min(limit, all.size()));
  }
}
