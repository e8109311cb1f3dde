package dev.tallrec.report;

/** How large a chart is drawn, in units of two pixels. */
enum ChartSize {
  /** For a page. */
  WIDE(760, 380),
  /** For an image of several side by side. */
  BESIDE(480, 320),
  /** For a phone held upright. */
  NARROW(380, 300);

  /** Pixels a unit. */
  static final int SCALE = 2;

  private final int width;
  private final int plotHeight;

  ChartSize(int width, int plotHeight) {
    this.width = width;
    this.plotHeight = plotHeight;
  }

  int width() {
    return width;
  }

  /** Without title and legend. */
  int plotHeight() {
    return plotHeight;
  }
}
