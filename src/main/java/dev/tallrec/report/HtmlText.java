package dev.tallrec.report;

/** Text within HTML that is well-formed XML too. */
public final class HtmlText {

  private HtmlText() {}

  /**
   * How a page begins, up to the end of its head. It may load nothing but what stands in it.
   *
   * @param title as plain text
   * @param images policy for images, such as {@code img-src data:; }; empty for none
   * @param css of the page
   */
  public static String head(String title, String images, String css) {
    return """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta http-equiv="Content-Security-Policy" \
    content="default-src 'none'; %sstyle-src 'unsafe-inline'" />
    <title>%s</title>
    <style>
    %s</style>
    </head>
    """
        .formatted(images, escape(title), css);
  }

  /** Text as it may stand in an element or an attribute, without what XML has no place for. */
  public static String escape(String text) {
    StringBuilder safe = new StringBuilder(text.length());
    text.codePoints()
        .forEach(c -> {
          switch (c) {
            case '&' -> safe.append("&amp;");
            case '<' -> safe.append("&lt;");
            case '>' -> safe.append("&gt;");
            case '"' -> safe.append("&quot;");
            case '\'' -> safe.append("&#39;");
            default -> safe.appendCodePoint(inXml(c) ? c : 0xfffd);
          }
        });
    return safe.toString();
  }

  private static boolean inXml(int c) {
    return c == '\t'
        || c == '\n'
        || c == '\r'
        || (c >= 0x20 && c <= 0xd7ff)
        || (c >= 0xe000 && c <= 0xfffd)
        || c >= 0x10000;
  }
}
