package dev.tallrec.report;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MarkdownReportTest {

  @Test
  void writesFactsAndTables() {
    assertThat(MarkdownReport.markdown(MadeUpStudy.full()))
        .isEqualTo(
            """
            # Made up

            - Two cores
            - Made up

            ## Made up

            AUC × 100: Made up

            | Model | K = 16 | K = 64 |
            |---|---:|---:|
            | tuned | **54.87 ± 1.2** | 60.10 |
            | base | 9.99 | **71.5 (1 seed)** |
            | share liked (no model) | 80.00 | 80.00 |
            | Made up (paper) | 67.24 | 67.48 |

            ## Gaps

            | Model | a | b |
            |---|---:|---:|
            | none | | |
            | short | | |
            | words | 3 of 5 | out of memory |
            """);
  }

  @Test
  void takesNoTextForMarkup() {
    String markdown = MarkdownReport.markdown(MadeUpStudy.titled(MadeUpStudy.HOSTILE + "\n# no"));

    String safe =
        "&lt;/title>&lt;script>alert(\"1\" &amp; '2')&lt;/script> \\| \\\\x {y} 5% \\$z\\_1^2\\#\\~ "
            + "\\[w\\] \\*v\\* \\# no";
    assertThat(markdown)
        .contains("# " + safe + "\n", "- " + safe + "\n", "| " + safe + " (paper) | 67.24 |")
        .doesNotContain("<script");
  }

  @Test
  void saysThatThereIsNothingYet() {
    assertThat(MarkdownReport.markdown(MadeUpStudy.empty()))
        .isEqualTo("# Nothing yet\n\nNo run is done yet: there are no figures to show.\n");
  }
}
