/** Element types, shapes and off-heap tensors: the vocabulary every other package speaks. */
@NullMarked
package dev.tallrec.tensor;

import org.jspecify.annotations.NullMarked;
