/**
 * Operations on the CPU: pure Java with the Vector API, all cores, fp32 compute, weights as stored.
 */
@NullMarked
package dev.tallrec.backend.cpu;

import org.jspecify.annotations.NullMarked;
