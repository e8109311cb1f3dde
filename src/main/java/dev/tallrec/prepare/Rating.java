package dev.tallrec.prepare;

/**
 * A user's opinion of an item.
 *
 * @param user as in the file
 * @param item title as it will stand in prompts
 * @param liked whether the rating is above the threshold
 * @param time orders a user's ratings
 */
record Rating(String user, String item, boolean liked, Time time) {}
