package dev.tallrec.prepare;

import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.time.LocalTime;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * When a rating was given, for the order of a user's ratings. Times are only compared with those of
 * their own {@link Form}: others would be put in some order, which puts the target into the past.
 *
 * @param number that the time is; 0 if it is a date
 * @param text of a date; empty if the time is a number
 */
record Time(BigDecimal number, String text) implements Comparable<Time> {

  /** Of ratings without a time. */
  static final Time NONE = new Time(BigDecimal.ZERO, "");

  /** What {@link #form} takes, for messages. */
  static final String FORMS =
      "numbers without exponent (seconds since 1970, say), or dates all of one form, as 2001-12-31 or"
          + " 2001-12-31T23:59:59Z";

  // Bounded, and without exponents: 1e999999999 would be written out to be compared.
  private static final Pattern NUMBER = Pattern.compile("[+-]?[0-9]{1,40}([.][0-9]{1,40})?");

  private static final Pattern DATE =
      Pattern.compile(
          "([0-9]{4}-[0-9]{2}-[0-9]{2})(?:([T ])([0-9]{2}:[0-9]{2}(?::[0-9]{2}([.][0-9]{1,9})?)?)"
              + "(Z|[+-][0-9]{2}:?[0-9]{2})?)?");

  private static final String NUMBERS = "a number";

  /**
   * What times must have in common to be compared: that they are numbers, or the digits, signs and
   * zone of a date, whose order is then that of their text.
   *
   * @param shape a number, or a date with a 9 for each digit and its zone as it is
   */
  record Form(String shape) {

    @Override
    public String toString() {
      return shape.equals(NUMBERS) ? shape : "of the form " + shape;
    }
  }

  /** The form of a time as it stands in a file; empty if it is neither a number nor a date. */
  static Optional<Form> form(String text) {
    if (NUMBER.matcher(text).matches()) {
      return Optional.of(new Form(NUMBERS));
    }
    Matcher date = DATE.matcher(text);
    if (!date.matches()) {
      return Optional.empty();
    }
    try {
      // What only looks like a date: with the day before the month, say.
      LocalDate.parse(date.group(1));
      if (date.group(3) != null) {
        LocalTime.parse(date.group(3));
      }
    } catch (DateTimeException e) {
      return Optional.empty();
    }
    String zone = date.group(5) == null ? "" : date.group(5);
    String local = text.substring(0, text.length() - zone.length());
    return Optional.of(new Form(local.replaceAll("[0-9]", "9") + zone));
  }

  /** The time that stands in a file as {@code text}, which has a {@link #form}. */
  static Time of(String text) {
    return NUMBER.matcher(text).matches()
        ? new Time(new BigDecimal(text), "")
        : new Time(BigDecimal.ZERO, text);
  }

  /** Earlier first. */
  @Override
  public int compareTo(Time other) {
    int byNumber = number.compareTo(other.number);
    return byNumber == 0 ? text.compareTo(other.text) : byNumber;
  }
}
