/** TALLRec's procedure: two stages of tuning, scored before and after each. */
@NullMarked
package dev.tallrec.tune;

import org.jspecify.annotations.NullMarked;
