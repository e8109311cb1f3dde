package dev.tallrec.lora;

import com.google.re2j.Matcher;
import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/**
 * A regular expression for names of modules. Expressions come out of files, so their size is
 * bounded once compiled, too, and they match in time that grows with the name's length alone, as
 * java.util.regex would not promise.
 */
public final class ModuleExpression {

  /** Longest expression, in characters. */
  static final int LONGEST = 1 << 12;

  /** Most opening brackets, which bound how deep groups are nested: the compiler calls itself. */
  private static final int MOST_GROUPS = 256;

  /** Largest product of all counts: {@code ((x{10}){10}){10}} is compiled to a thousand x. */
  private static final long MOST_COPIES = 100;

  private static final Pattern COUNT = Pattern.compile("\\{([0-9]+)(?:,([0-9]*))?\\}");

  private final String text;
  private final Pattern pattern;

  private ModuleExpression(String text, Pattern pattern) {
    this.text = text;
    this.pattern = pattern;
  }

  /**
   * Matches names as a whole.
   *
   * @throws IllegalArgumentException if it is none that RE2 has, or too large
   */
  static ModuleExpression ofName(String text) {
    return of(text, text);
  }

  /**
   * Matches names, and the ends of names behind a dot.
   *
   * @throws IllegalArgumentException as {@link #ofName}
   */
  static ModuleExpression ofEnd(String text) {
    return of(text, "(?:.*\\.)?(?:" + text + ")");
  }

  private static ModuleExpression of(String text, String whole) {
    if (text.length() > LONGEST) {
      throw new IllegalArgumentException("an expression of more than " + LONGEST + " characters");
    }
    if (text.chars().filter(c -> c == '(').count() > MOST_GROUPS) {
      throw new IllegalArgumentException(
          "\"%s\" has more than %d groups".formatted(text, MOST_GROUPS));
    }
    checkCounts(text);
    try {
      return new ModuleExpression(text, Pattern.compile(whole));
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          "an expression that RE2 does not have: " + e.getMessage(), e);
    }
  }

  private static void checkCounts(String text) {
    long copies = 1;
    for (Matcher count = COUNT.matcher(text); count.find(); ) {
      copies *= Math.max(1, Math.max(number(count.group(1)), number(count.group(2))));
      if (copies > MOST_COPIES) {
        throw new IllegalArgumentException(
            "\"%s\" repeats by counts whose product is above %d".formatted(text, MOST_COPIES));
      }
    }
  }

  /** 0 for none, no more than just too many. */
  private static long number(@Nullable String digits) {
    if (digits == null || digits.isEmpty()) {
      return 0;
    }
    return digits.length() > 9 ? MOST_COPIES + 1 : Long.parseLong(digits);
  }

  /** Whether a module is meant. */
  boolean matches(String module) {
    return pattern.matches(module);
  }

  /** The expression as it stands in the file. */
  public String text() {
    return text;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ModuleExpression that && pattern.equals(that.pattern);
  }

  @Override
  public int hashCode() {
    return pattern.hashCode();
  }
}
