/**
 * Operations on CUDA devices: cuBLAS for products with frozen weights, our own kernels for
 * everything else.
 */
@NullMarked
package dev.tallrec.backend.cuda;

import org.jspecify.annotations.NullMarked;
