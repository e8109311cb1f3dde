/** Examples out of raw ratings, as the paper's scripts make them. */
@NullMarked
package dev.tallrec.prepare;

import org.jspecify.annotations.NullMarked;
