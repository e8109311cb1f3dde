/** JMH benchmarks of the core, and the comparison of recorded results. */
@NullMarked
package dev.tallrec.benchmarks;

import org.jspecify.annotations.NullMarked;
