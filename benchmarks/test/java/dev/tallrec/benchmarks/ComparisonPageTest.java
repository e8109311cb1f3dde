package dev.tallrec.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;
import picocli.CommandLine;

class ComparisonPageTest {

  private static final String HOSTILE = "</td><script>alert('1' & \"2\")</script>";
  private static final List<List<Double>> SPEEDS =
      List.of(List.of(99.0, 100.0, 101.0), List.of(98.0, 100.5, 102.0));

  private static Results run(String text, double allocated) {
    return new Results(
        Map.of("cpu", text),
        text,
        text,
        List.of(
            new Results.Measured(
                text,
                "ops/s",
                SPEEDS,
                Map.of(Counters.ALLOCATED, allocated, text + " per operation", 2.0),
                Map.of())));
  }

  private static String page(String text) {
    Results before = run(text, 100);
    Results after = run(text, 5000);
    return HtmlPage.of(before, after, Comparison.of(before, after, 0.05));
  }

  private static Document parsed(String html) throws Exception {
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new InputSource(new StringReader(html)));
  }

  @Test
  void allTextIsEscaped() throws Exception {
    String html = page(HOSTILE);
    assertThat(html).doesNotContain("<script").doesNotContain("alert('1'");
    Document document = parsed(html);
    assertThat(document.getElementsByTagName("h1").item(0).getTextContent()).contains(HOSTILE);
    assertThat(document.getElementsByTagName("dd").item(1).getTextContent()).isEqualTo(HOSTILE);
  }

  @Test
  void thePageNeedsNothingBesideIt() {
    assertThat(page("b"))
        .doesNotContain("http:")
        .doesNotContain("https:")
        .doesNotContain("src=")
        .doesNotContain("url(")
        .contains("prefers-color-scheme: dark");
  }

  @Test
  void aRowHasRatioIntervalCountersAndVerdict() throws Exception {
    Document document = parsed(page("b"));
    assertThat(document.getElementsByTagName("svg").getLength()).isEqualTo(1);
    String row = document.getElementsByTagName("tr").item(1).getTextContent();
    assertThat(row)
        .contains("1.000")
        .contains("bytes allocated per operation 100 → 5,000")
        .contains("counter rose");
    assertThat(document.getElementsByTagName("dl").item(0).getTextContent())
        .contains(run("b", 0).fingerprint());
  }

  @Test
  void theBarLiesAboutOne() {
    Results run = run("b", 0);
    Comparison comparison = Comparison.of(run, run, 0.05);
    String svg = new IntervalBar(comparison).svg(comparison.rows().getFirst());
    assertThat(svg).contains("cx=\"120.0\"").contains("aria-label=\"0.9");
  }

  @Test
  void theCommandWritesThePageAndFails(@TempDir Path directory) throws Exception {
    Path old = directory.resolve("old.json");
    Path now = directory.resolve("new.json");
    run("b", 100).write(old);
    run("b", 5000).write(now);
    Path html = directory.resolve("page.html");
    int code =
        new CommandLine(new CompareCommand())
            .execute(old.toString(), now.toString(), "--html", html.toString());
    assertThat(code).isEqualTo(1);
    assertThat(Files.readString(html)).startsWith("<!DOCTYPE html>");
    try (var files = Files.list(directory)) {
      assertThat(files).hasSize(3);
    }
    assertThat(new CommandLine(new CompareCommand()).execute(old.toString(), old.toString()))
        .isZero();
  }

  @Test
  void anotherMachineIsRefused(@TempDir Path directory) throws Exception {
    Path old = directory.resolve("old.json");
    Path now = directory.resolve("new.json");
    run("a", 100).write(old);
    run("b", 100).write(now);
    Path html = directory.resolve("page.html");
    int code =
        new CommandLine(new CompareCommand())
            .execute(old.toString(), now.toString(), "--html", html.toString());
    assertThat(code).isEqualTo(1);
    assertThat(html).doesNotExist();
  }
}
