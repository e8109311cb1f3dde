/** Runs over grids of settings, resumable cell by cell, and their tables. */
@NullMarked
package dev.tallrec.experiment;

import org.jspecify.annotations.NullMarked;
