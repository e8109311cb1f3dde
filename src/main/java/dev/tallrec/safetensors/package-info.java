/**
 * The safetensors format: mapped reading that believes nothing a header says before checking it,
 * sharded checkpoints, and writing that leaves either the old file or the new one.
 */
@NullMarked
package dev.tallrec.safetensors;

import org.jspecify.annotations.NullMarked;
