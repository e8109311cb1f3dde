package dev.tallrec.report;

import java.awt.Color;

/** Colours of a page and its charts. */
enum ChartTheme {
  /** Dark on white. */
  LIGHT(0xffffff, 0x1d2129, 0x59616e, 0xe3e6eb),
  /** Light on near black. */
  DARK(0x191c22, 0xe6e8ec, 0xa0a8b5, 0x333943);

  /**
   * Okabe and Ito's colours, told apart whichever cones an eye lacks. The first is ink, here left
   * to the theme; yellow, faint on white, comes last.
   */
  private static final int[] SERIES = {
    0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, -1, 0xf0e442
  };

  private final int background;
  private final int ink;
  private final int muted;
  private final int grid;

  ChartTheme(int background, int ink, int muted, int grid) {
    this.background = background;
    this.ink = ink;
    this.muted = muted;
    this.grid = grid;
  }

  Color background() {
    return new Color(background);
  }

  Color ink() {
    return new Color(ink);
  }

  Color muted() {
    return new Color(muted);
  }

  Color grid() {
    return new Color(grid);
  }

  /** Colour of the series numbered {@code index}; they come round after the last. */
  Color series(int index) {
    int colour = SERIES[index % SERIES.length];
    return colour < 0 ? ink() : new Color(colour);
  }

  /** How often {@link #series} came round before {@code index}. */
  static int round(int index) {
    return index / SERIES.length;
  }

  /** A colour as style sheets write it. */
  static String css(Color colour) {
    return "#%06x".formatted(colour.getRGB() & 0xffffff);
  }
}
