package dev.tallrec.report;

import dev.tallrec.files.AtomicFiles;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Line charts of their own, outside of a study. */
public final class ChartImage {

  private ChartImage() {}

  /**
   * Writes charts side by side as one PNG, whole or not at all.
   *
   * @param charts at least one; a name has one colour in all of them
   */
  public static void write(List<Study.LineChart> charts, Path file) throws IOException {
    byte[] image = StudyCharts.png(sideBySide(StudyCharts.of(charts).plots()));
    AtomicFiles.replaceFile(file, aside -> Files.write(aside, image));
  }

  private static BufferedImage sideBySide(List<Plot> plots) {
    List<BufferedImage> images =
        plots.stream()
            .map(plot -> new PlotPainter(plot, ChartTheme.LIGHT, ChartSize.BESIDE).paint(true))
            .toList();
    BufferedImage all =
        new BufferedImage(
            images.stream().mapToInt(BufferedImage::getWidth).sum(),
            images.stream().mapToInt(BufferedImage::getHeight).max().orElseThrow(),
            BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = all.createGraphics();
    graphics.setColor(ChartTheme.LIGHT.background());
    graphics.fillRect(0, 0, all.getWidth(), all.getHeight());
    int x = 0;
    for (BufferedImage image : images) {
      graphics.drawImage(image, x, 0, null);
      x += image.getWidth();
    }
    graphics.dispose();
    return all;
  }
}
