package dev.tallrec.verify.ops;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tallrec.verify.Check;
import org.junit.jupiter.api.Test;

class FindingsTest {

  @Test
  void aFailureSaysInWhichCase() {
    Findings findings = new Findings();
    findings.begin("3 rows");
    findings.running("linear");
    findings.add("y", 3, 0, 1);
    findings.add(new IllegalStateException("no memory"));
    assertThat(findings.checks())
        .singleElement()
        .matches(check -> !check.passed())
        .extracting(Check::worst)
        .isEqualTo("java.lang.IllegalStateException: no memory, in 3 rows");
  }
}
