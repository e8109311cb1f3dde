/**
 * Operations on the CPU: pure Java with the Vector API, all cores, fp32 compute, weights as stored
 * or, for products of many rows, in panels that are made of them once.
 */
@NullMarked
package dev.tallrec.backend.cpu;

import org.jspecify.annotations.NullMarked;
