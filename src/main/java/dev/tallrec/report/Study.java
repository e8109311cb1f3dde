package dev.tallrec.report;

import java.util.List;

/**
 * What a report shows, in the order it shows it. Numbers are ready to be read or drawn: whoever
 * prints a study computes nothing.
 *
 * @param title of the whole
 * @param facts one line each: machine, base, how many runs are done, what is missing and why
 * @param tables with figures
 * @param lines curves: AUC against K, ROC, training
 * @param histograms of scores
 * @param mistakes rows that models got most wrong
 */
public record Study(
    String title,
    List<String> facts,
    List<Table> tables,
    List<LineChart> lines,
    List<Histogram> histograms,
    List<Mistake> mistakes) {

  /** Where a row's figures come from. */
  public enum Origin {
    /** Measured here. */
    OURS,
    /** Measured here, by a rule without parameters. */
    NO_MODEL,
    /** The paper's own figures. */
    PAPER
  }

  /**
   * A row.
   *
   * @param cells as many as the table has columns; empty text where there is no figure
   */
  public record Row(String name, Origin origin, List<String> cells) {}

  /**
   * A table.
   *
   * @param caption what the figures are
   * @param columns headings after the first, which names the rows
   */
  public record Table(String title, String caption, List<String> columns, List<Row> rows) {}

  /**
   * A curve.
   *
   * @param x as many as y, ascending
   * @param y finite
   * @param spread half the height of the band around each y; empty for no band
   */
  public record Series(String name, List<Double> x, List<Double> y, List<Double> spread) {}

  /**
   * Curves over one axis.
   *
   * @param logX whether x is drawn on a logarithmic axis
   */
  public record LineChart(
      String title, String xLabel, String yLabel, boolean logX, List<Series> series) {}

  /**
   * Distributions over one axis.
   *
   * @param names of the distributions: two, liked and disliked
   * @param values of each, at least one
   */
  public record Histogram(
      String title, String xLabel, List<String> names, List<List<Double>> values) {}

  /**
   * A row that a model got wrong.
   *
   * @param model that scored it
   * @param text the user's history and the question
   * @param answer what was right: "Yes." or "No."
   * @param rank of the score among all of the data set's, from 0, lowest, to 1
   */
  public record Mistake(String model, String text, String answer, double rank) {}
}
