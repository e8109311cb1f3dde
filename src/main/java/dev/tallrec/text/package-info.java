/** Text to tokens and back: LLaMA's tokenizers, Alpaca's prompt template, encoded examples. */
@NullMarked
package dev.tallrec.text;

import org.jspecify.annotations.NullMarked;
