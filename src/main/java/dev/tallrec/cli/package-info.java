/** The command line: commands, progress, tables, plots. */
@NullMarked
package dev.tallrec.cli;

import org.jspecify.annotations.NullMarked;
