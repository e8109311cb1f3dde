/** A base model's directory, opened: configuration, weights on a device, tokenizer. */
@NullMarked
package dev.tallrec.model;

import org.jspecify.annotations.NullMarked;
