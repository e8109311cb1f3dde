package dev.tallrec.text;

/** Which two neighbouring symbols a BPE joins, and which first. */
@FunctionalInterface
interface MergeOrder {

  /** Returned where two symbols do not join. */
  double NEVER = Double.POSITIVE_INFINITY;

  /** The smaller the sooner; {@link #NEVER} if they do not join. */
  double rank(String left, String right);
}
