package dev.tallrec.cli;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads an option that says how many: at least one, and no more than {@link #MOST}. */
final class Count implements ITypeConverter<Integer> {

  /** More tokens than any device holds, and far from where sizes overflow. */
  static final int MOST = 1 << 24;

  @Override
  public Integer convert(String value) {
    try {
      int count = Integer.parseInt(value);
      if (count >= 1 && count <= MOST) {
        return count;
      }
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw new TypeConversionException(
        "'%s' is not a whole number from 1 to %,d".formatted(value, MOST));
  }
}
