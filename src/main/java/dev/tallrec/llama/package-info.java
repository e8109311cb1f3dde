/**
 * LLaMA (Touvron et al., arXiv 2302.13971) from scratch: configuration, frozen weights, forward
 * pass, the LoRA-only backward pass, K/V cache and generation, all expressed in {@link
 * dev.tallrec.backend.Ops}.
 */
@NullMarked
package dev.tallrec.llama;

import org.jspecify.annotations.NullMarked;
