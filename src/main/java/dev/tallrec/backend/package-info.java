/**
 * What a transformer and its LoRA-only backward pass need of a device: memory ({@link
 * dev.tallrec.backend.Device}) and operations ({@link dev.tallrec.backend.Ops}). Nothing above this
 * package knows which device it runs on.
 */
@NullMarked
package dev.tallrec.backend;

import org.jspecify.annotations.NullMarked;
