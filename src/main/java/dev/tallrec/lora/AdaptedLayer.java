package dev.tallrec.lora;

import dev.tallrec.llama.Projection;

/**
 * A linear layer that an adapter has matrices for.
 *
 * @param layer block number
 * @param projection place in the block
 */
record AdaptedLayer(int layer, Projection projection) {}
