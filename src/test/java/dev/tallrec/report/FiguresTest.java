package dev.tallrec.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FiguresTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "54.87 ± 1.2|54.87",
        "54.87±1.2 (5 seeds)|54.87",
        "-3|-3",
        "−3.5|-3.5",
        "97 %|97",
        "6,450,432|6450432",
        "71.5 (one seed)|71.5"
      })
  void readsFigures(String cell, double number) {
    assertThat(Figures.number(cell)).hasValue(number);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "NaN", "3 of 5", "2:45", "7B", "1,23", "1.2.3", "Infinity", "1e"})
  void leavesWhatIsNoFigure(String cell) {
    assertThat(Figures.number(cell)).isEqualTo(OptionalDouble.empty());
  }

  @ParameterizedTest
  @CsvSource({
    "65536,65536",
    "0,0",
    "-0.0,0",
    "0.30000000000000004,0.3",
    "71.23456,71.23",
    "1e-7,0.0000001"
  })
  void writesNumbersBriefly(double value, String text) {
    assertThat(Figures.brief(value)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource({
    "1,ranked highest of all rows",
    "0.999,ranked above 99 % of all rows",
    "0.97,ranked above 97 % of all rows",
    "0.5,ranked above 50 % of all rows",
    "0.03,ranked below 97 % of all rows",
    "0.001,ranked below 99 % of all rows",
    "0,ranked lowest of all rows"
  })
  void saysWhereAScoreStood(double rank, String words) {
    assertThat(Figures.standing(rank)).isEqualTo(words);
  }

  @Test
  void saysNothingOfAnUnknownRank() {
    assertThat(Figures.standing(Double.NaN)).isEmpty();
  }
}
