/** A study as people read it: one HTML page, Markdown, LaTeX, CSV and plots. */
@NullMarked
package dev.tallrec.report;

import org.jspecify.annotations.NullMarked;
