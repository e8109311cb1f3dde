/**
 * Tuning: packing examples into micro-batches, AdamW, loss scaling, learning-rate schedules, the
 * trainer, and checkpoints it can resume from bit for bit.
 */
@NullMarked
package dev.tallrec.train;

import org.jspecify.annotations.NullMarked;
