/**
 * LoRA (Hu et al., arXiv 2106.09685): what is adapted, the trainable matrices on host and device,
 * PEFT directories in and out, merging into a base.
 */
@NullMarked
package dev.tallrec.lora;

import org.jspecify.annotations.NullMarked;
