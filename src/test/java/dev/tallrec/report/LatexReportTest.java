package dev.tallrec.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class LatexReportTest {

  @Test
  void writesTablesForBooktabs() {
    assertThat(LatexReport.latex(MadeUpStudy.full()))
        .contains(
            """
            \\caption{Made up. AUC $\\times$ 100: Made up.}
            \\begin{tabular}{lrr}
            \\toprule
            Model & K = 16 & K = 64 \\\\
            \\midrule
            tuned & \\textbf{54.87 $\\pm$ 1.2} & 60.10 \\\\
            base & 9.99 & \\textbf{71.5 (1 seed)} \\\\
            share liked & 80.00 & 80.00 \\\\
            Made up$^\\dagger$ & 67.24 & 67.48 \\\\
            \\bottomrule
            \\end{tabular}
            \\par\\smallskip{\\footnotesize $^\\dagger$ The paper's own figures.}
            """)
        .contains("none &  &  \\\\\nshort &  &  \\\\\nwords & 3 of 5 & out of memory \\\\\n")
        .containsOnlyOnce("\\par\\smallskip");
  }

  @Test
  void takesNoTextForACommand() {
    assertThat(LatexReport.escape(MadeUpStudy.HOSTILE))
        .isEqualTo(
            "\\textless{}/title\\textgreater{}\\textless{}script\\textgreater{}"
                + "alert(\\textquotedbl{}1\\textquotedbl{} \\& '2')"
                + "\\textless{}/script\\textgreater{} \\textbar{} \\textbackslash{}x \\{y\\} 5\\% "
                + "\\$z\\_1\\textasciicircum{}2\\#\\textasciitilde{} {[}w] {*}v{*}");
  }

  @Test
  void keepsTextOnItsLine() {
    String latex = LatexReport.latex(MadeUpStudy.titled("a\n\\end{document}\n\nb\u2028c"));

    assertThat(latex)
        .startsWith("% a \\textbackslash{}end\\{document\\} b c\n")
        .contains("\\caption{a \\textbackslash{}end\\{document\\} b c. AUC");
  }

  @Test
  void isACommentWithoutTables() {
    assertThat(LatexReport.latex(MadeUpStudy.empty()).lines())
        .allMatch(line -> line.startsWith("%"));
  }

  @Test
  void writesAMinusBeforeNumbersOnly() {
    Study.Row row = MadeUpStudy.row("less", Study.Origin.OURS, "-1.20 pts", "-", "a-1");
    Study.Table table = new Study.Table("", "", List.of("a", "b", "c"), List.of(row));

    assertThat(
            LatexReport.latex(
                new Study("x", List.of(), List.of(table), List.of(), List.of(), List.of())))
        .contains("less & $-$1.20 pts & - & a-1 \\\\");
  }
}
