/** Yes or No from an OpenAI-compatible server: questions, answers kept on disk, what they cost. */
@NullMarked
package dev.tallrec.endpoint;

import org.jspecify.annotations.NullMarked;
