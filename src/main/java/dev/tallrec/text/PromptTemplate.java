package dev.tallrec.text;

/**
 * How an {@link Instruction} is put to the model.
 *
 * @param withInput text with {@code {instruction}} and {@code {input}}
 * @param withoutInput text with {@code {instruction}}, used where the input is empty
 */
public record PromptTemplate(String withInput, String withoutInput) {

  private static final String INSTRUCTION = "{instruction}";
  private static final String INPUT = "{input}";

  /**
   * The paper's, to the letter. "# noqa: E501" was meant as a comment, but stands inside the string
   * of its scripts, and the published models were tuned with it.
   */
  public static final PromptTemplate PAPER =
      new PromptTemplate(
          "Below is an instruction that describes a task, paired with an input that provides further"
              + " context. Write a response that appropriately completes the request.  # noqa: E501\n\n"
              + "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n",
          "Below is an instruction that describes a task. Write a response that appropriately"
              + " completes the request. \n\n### Instruction:\n{instruction}\n\n### Response:\n");

  /** The prompt: everything before the answer. */
  public String prompt(Instruction example) {
    if (example.input().isEmpty()) {
      return fill(withoutInput, INSTRUCTION, example.instruction());
    }
    // The instruction's slot is looked for before the input is in: a title may contain
    // "{instruction}".
    return beforeInput(example)
        + example.input()
        + withInput.substring(withInput.indexOf(INPUT) + INPUT.length());
  }

  /** The part of the prompt before the input; all of it where there is none. */
  String beforeInput(Instruction example) {
    return example.input().isEmpty()
        ? prompt(example)
        : fill(
            withInput.substring(0, withInput.indexOf(INPUT)), INSTRUCTION, example.instruction());
  }

  /** The part of the prompt up to the end of the input; all of it where there is none. */
  String throughInput(Instruction example) {
    return example.input().isEmpty() ? prompt(example) : beforeInput(example) + example.input();
  }

  private static String fill(String text, String slot, String value) {
    int at = text.indexOf(slot);
    return text.substring(0, at) + value + text.substring(at + slot.length());
  }
}
