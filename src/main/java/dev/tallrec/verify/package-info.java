/** Comparison of this build with values that PyTorch, transformers and PEFT computed. */
@NullMarked
package dev.tallrec.verify;

import org.jspecify.annotations.NullMarked;
