package dev.tallrec.report;

import javax.imageio.ImageIO;

/** Settings of the JDK that must stand before anything is drawn. Whoever draws sets them first. */
public final class Drawing {

  private Drawing() {}

  /**
   * Makes the JDK draw without a screen, if the user has not said otherwise, and shape text by its
   * native library rather than through memory segments in confined arenas. After some thousand
   * accesses to such segments C2 expects their owner's check everywhere, moves it out of loops over
   * shared segments too, where it fails, and compiles those loops again and again: a training step
   * after a chart would be slower and would allocate. And makes it encode images in memory: to have
   * a temporary file deleted at the end is refused where the end has begun, as after Ctrl-C.
   */
  public static void prepare() {
    set("java.awt.headless", "true");
    set("sun.font.layout.ffm", "false");
    ImageIO.setUseCache(false);
  }

  private static void set(String property, String value) {
    if (System.getProperty(property) == null) {
      System.setProperty(property, value);
    }
  }
}
