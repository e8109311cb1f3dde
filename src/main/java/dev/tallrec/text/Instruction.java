package dev.tallrec.text;

/**
 * An example in Alpaca's form.
 *
 * @param instruction what to do
 * @param input what to do it with; may be empty
 * @param output the answer
 */
public record Instruction(String instruction, String input, String output) {}
