package dev.tallrec.prepare;

import java.util.Comparator;

/**
 * A user's opinion of an item.
 *
 * @param user as in the file
 * @param item title as it will stand in prompts
 * @param liked whether the rating is above the threshold
 * @param time orders a user's ratings; compared as text where lengths agree, as the paper's scripts
 *     do
 */
record Rating(String user, String item, boolean liked, String time) {

  /** Earlier first. */
  static final Comparator<String> TIMES =
      Comparator.comparingInt(String::length).thenComparing(Comparator.naturalOrder());
}
