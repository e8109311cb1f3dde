package dev.tallrec.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

class HtmlReportTest {

  private static Document parsed(String html) throws Exception {
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    factory.setFeature("http://xml.org/sax/features/external-general-entities", false);
    return factory
        .newDocumentBuilder()
        .parse(new ByteArrayInputStream(html.getBytes(StandardCharsets.UTF_8)));
  }

  private static List<Element> elements(Document page, String name) {
    NodeList nodes = page.getElementsByTagName(name);
    List<Element> elements = new ArrayList<>();
    for (int i = 0; i < nodes.getLength(); i++) {
      elements.add((Element) nodes.item(i));
    }
    return elements;
  }

  private static List<String> texts(Document page, String name) {
    return elements(page, name).stream().map(Element::getTextContent).toList();
  }

  @Test
  void needsNothingBesideIt() {
    String html = HtmlReport.html(MadeUpStudy.full()).replaceAll("base64,[A-Za-z0-9+/=]+", "");

    assertThat(html)
        .startsWith("<!DOCTYPE html>")
        .doesNotContain("http://", "https://", "<script", "<link", "@import", "url(", "NaN");
  }

  @Test
  void isXmlWhateverTheStudySays() throws Exception {
    String hostile = MadeUpStudy.HOSTILE + "\u0000\ud800]]>";

    String html = HtmlReport.html(MadeUpStudy.titled(hostile));

    Document page = parsed(html);
    assertThat(html).doesNotContain("<script");
    assertThat(elements(page, "script")).isEmpty();
    assertThat(texts(page, "title")).singleElement().asString().startsWith(MadeUpStudy.HOSTILE);
  }

  @Test
  void marksTheHighestOfOurFigures() throws Exception {
    Document page = parsed(HtmlReport.html(MadeUpStudy.full()));

    assertThat(texts(page, "b")).containsExactly("54.87 ± 1.2", "71.5 (1 seed)");
  }

  @Test
  void marksEqualFiguresAlike() throws Exception {
    Study.Table table =
        new Study.Table(
            "t",
            "",
            List.of("a"),
            List.of(
                MadeUpStudy.row("x", Study.Origin.OURS, "1,234.5"),
                MadeUpStudy.row("y", Study.Origin.OURS, "1234.50"),
                MadeUpStudy.row("z", Study.Origin.OURS, "\u22129999")));
    Study study = new Study("s", List.of(), List.of(table), List.of(), List.of(), List.of());

    assertThat(texts(parsed(HtmlReport.html(study)), "b")).containsExactly("1,234.5", "1234.50");
  }

  @Test
  void saysWhereRowsComeFrom() throws Exception {
    Document page = parsed(HtmlReport.html(MadeUpStudy.full()));

    assertThat(
            elements(page, "tr").stream().filter(row -> row.getAttribute("class").equals("other")))
        .extracting(Element::getTextContent)
        .containsExactly("share liked no model80.0080.00", "Made up paper67.2467.48");
  }

  @Test
  void showsMissingFiguresAsSuch() throws Exception {
    Document page = parsed(HtmlReport.html(MadeUpStudy.full()));

    assertThat(elements(page, "span").stream().filter(e -> e.hasAttribute("aria-label")))
        .hasSize(4);
    assertThat(texts(page, "td")).contains("3 of 5", "out of memory");
  }

  @Test
  void linksToAllItHas() throws Exception {
    Document page = parsed(HtmlReport.html(MadeUpStudy.full()));

    List<String> ids = new ArrayList<>();
    for (String name : List.of("section", "div", "figure")) {
      elements(page, name).forEach(element -> ids.add("#" + element.getAttribute("id")));
    }
    List<String> links =
        elements(page, "a").stream().map(link -> link.getAttribute("href")).toList();
    assertThat(links).hasSize(10).doesNotHaveDuplicates();
    assertThat(ids).containsAll(links);
  }

  @Test
  void holdsEachChartLightAndDarkInTwoSizes() throws Exception {
    Document page = parsed(HtmlReport.html(MadeUpStudy.full()));

    List<String> images = new ArrayList<>();
    elements(page, "source").forEach(source -> images.add(source.getAttribute("srcset")));
    elements(page, "img").forEach(image -> images.add(image.getAttribute("src")));
    assertThat(images).hasSize(4 * 4);
    for (String image : images) {
      byte[] png = Base64.getDecoder().decode(image.substring("data:image/png;base64,".length()));
      assertThat(ImageIO.read(new ByteArrayInputStream(png))).isNotNull();
    }
    assertThat(elements(page, "img"))
        .extracting(image -> image.getAttribute("alt"))
        .contains(
            "Line chart of true positives against false positives: base, from 0 at 0 to 1 at 1; "
                + "tuned, from 0 at 0 to 1 at 1.",
            "Histogram of p(Yes): liked, n = 1, median 0.5; disliked, n = 1, median 0.5.");
  }

  @Test
  void showsMistakesAsTheyWereAsked() throws Exception {
    Document page = parsed(HtmlReport.html(MadeUpStudy.full()));

    assertThat(texts(page, "article"))
        .hasSize(2)
        .anySatisfy(text ->
            assertThat(text)
                .contains("First line\nsecond line", "No.", "ranked above 97 % of all rows"))
        .anySatisfy(text -> assertThat(text).contains("ranked below 97 % of all rows"));
  }

  @Test
  void saysThatThereIsNothingYet() throws Exception {
    Document page = parsed(HtmlReport.html(MadeUpStudy.empty()));

    assertThat(texts(page, "h1")).containsExactly("Nothing yet");
    assertThat(texts(page, "main")).singleElement().asString().contains("No run is done yet");
    assertThat(elements(page, "nav")).isEmpty();
  }
}
