package dev.tallrec.llama;

/**
 * A buffer of a memory plan.
 *
 * @param label what it is for
 * @param bytes its size
 */
public record PlannedBuffer(String label, long bytes) {}
