/**
 * A base model's directory: opened, with weights on a device, or written with an adapter merged.
 */
@NullMarked
package dev.tallrec.model;

import org.jspecify.annotations.NullMarked;
