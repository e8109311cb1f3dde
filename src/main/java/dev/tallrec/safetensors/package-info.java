/**
 * The safetensors format: mapped reading that believes nothing a header says before checking it,
 * sharded checkpoints, and writing.
 */
@NullMarked
package dev.tallrec.safetensors;

import org.jspecify.annotations.NullMarked;
