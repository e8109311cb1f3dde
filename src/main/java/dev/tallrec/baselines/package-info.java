/**
 * Sequential recommenders that the paper compares with, on DJL's PyTorch engine. Nothing else in
 * this program uses that engine; a build without it lacks only these.
 */
@NullMarked
package dev.tallrec.baselines;

import org.jspecify.annotations.NullMarked;
