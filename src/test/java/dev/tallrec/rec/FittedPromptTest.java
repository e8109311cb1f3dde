package dev.tallrec.rec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.testing.Fixtures;
import dev.tallrec.text.ExampleEncoder;
import dev.tallrec.text.Instruction;
import dev.tallrec.text.PromptTemplate;
import dev.tallrec.text.Tokenizer;
import java.io.IOException;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FittedPromptTest {

  private static ExampleEncoder encoder(int cutoff) throws IOException {
    return new ExampleEncoder(
        Tokenizer.read(Fixtures.path("tokenizer")), PromptTemplate.PAPER, cutoff, false);
  }

  private static int tokens(Instruction example) throws IOException {
    return encoder(10_000).encodePrompt(example).ids().length;
  }

  private static List<String> titles(String name, int count) {
    return IntStream.range(0, count).mapToObj(i -> "%s %d (1990)".formatted(name, i)).toList();
  }

  @Test
  void whatFitsIsAsItStands() throws IOException {
    RecExample example = RecData.published(Domain.MOVIE).test().getFirst();
    int length = tokens(example.text());
    FittedPrompt fitted = FittedPrompt.of(encoder(length), example);
    assertThat(fitted.ids()).isEqualTo(encoder(length).encodePrompt(example.text()).ids());
    assertThat(fitted.itemsLeftOut()).isZero();
    assertThat(fitted.tokensCut()).isZero();
  }

  @ParameterizedTest
  @CsvSource({"0, 8, 2", "1, 7, 2", "2, 6, 2", "3, 6, 1", "5, 4, 1", "7, 2, 1", "8, 2, 0"})
  void likesAndDislikesAreLeftOutAlike(int leftOut, int likes, int dislikes) {
    Question rest = new Question(titles("A", 8), titles("B", 2), "C").withoutOldest(leftOut);
    assertThat(rest.liked()).isEqualTo(titles("A", 8).subList(8 - likes, 8));
    assertThat(rest.disliked()).isEqualTo(titles("B", 2).subList(2 - dislikes, 2));
  }

  @Test
  void ofALikeAndADislikeOfOneTimeTheLikeGoesFirst() {
    Question rest = new Question(titles("A", 3), titles("B", 3), "C").withoutOldest(3);
    assertThat(rest.liked()).isEqualTo(titles("A", 3).subList(2, 3));
    assertThat(rest.disliked()).isEqualTo(titles("B", 3).subList(1, 3));
  }

  @Test
  void aLongHistoryLosesNoMoreThanItMust() throws IOException {
    Question question = new Question(titles("Liked", 60), titles("Disliked", 20), "Target (1999)");
    int cutoff = 400;
    FittedPrompt fitted = FittedPrompt.of(encoder(cutoff), Domain.MOVIE, question);
    Question kept = question.withoutOldest(fitted.itemsLeftOut());
    assertThat(fitted.ids())
        .isEqualTo(
            encoder(cutoff)
                .encodePrompt(
                    Domain.MOVIE.question(kept.liked(), kept.disliked(), kept.target(), ""))
                .ids());
    Question oneMore = question.withoutOldest(fitted.itemsLeftOut() - 1);
    assertThat(
            tokens(
                Domain.MOVIE.question(oneMore.liked(), oneMore.disliked(), oneMore.target(), "")))
        .isGreaterThan(cutoff);
    assertThat(Tokenizer.read(Fixtures.path("tokenizer")).decode(fitted.ids()))
        .contains("User Preference: \"Liked", "User Unpreference: \"Disliked", "Target (1999)")
        .contains("Liked 59 (1990)\"\n", "Disliked 19 (1990)\"\n");
  }

  @Test
  void publishedExamplesLoseTheirOldestItemsToTheLetter() throws IOException {
    RecExample example = RecData.published(Domain.MOVIE).test().getFirst();
    assertThat(example.order()).hasSize(10);
    Question question = Question.parse(example.text()).orElseThrow();
    for (int oldest = 0; oldest <= 10; oldest++) {
      Instruction shorter = Question.withoutOldest(example.text(), oldest, example.order());
      int likes = (int) example.order().chars().limit(oldest).filter(mark -> mark == '1').count();
      assertThat(shorter)
          .isEqualTo(
              Domain.MOVIE.question(
                  question.liked().subList(likes, question.liked().size()),
                  question.disliked().subList(oldest - likes, question.disliked().size()),
                  question.target(),
                  example.text().output()));
    }
  }

  @Test
  void booksKeepTheirOddQuotationMarks() throws IOException {
    String input =
        "User Preference: \"One\" written by A B, \"Two, or \"Three\"\" written by C\n"
            + "User Unpreference: \"Four\nWhether the user will like the target book \"\"Five\"?";
    Instruction example = new Instruction("Answer.", input, "No.");
    assertThat(Question.withoutOldest(example, 1, "110").input())
        .isEqualTo(input.replace("\"One\" written by A B, ", ""));
    assertThat(Question.withoutOldest(example, 2, "101").input())
        .isEqualTo(input.replace("\"One\" written by A B, ", "").replace("\"Four\n", "\n"));
  }

  @Test
  void aQuestionThatNeverFitsIsRefused() throws IOException {
    Question question = new Question(titles("Liked", 5), List.of(), "Target (1999)");
    assertThatThrownBy(() -> FittedPrompt.of(encoder(60), Domain.MOVIE, question))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("does not fit a cutoff of 60");
  }

  @Test
  void aFreeTextLosesTheStartOfItsInput() throws IOException {
    RecExample free =
        new RecExample(
            new Instruction("Will the user like it?", "Of all films the last.", "Yes."),
            true,
            OptionalInt.empty(),
            "");
    FittedPrompt fitted = FittedPrompt.of(encoder(tokens(free.text()) - 3), free);
    assertThat(fitted.itemsLeftOut()).isZero();
    assertThat(fitted.tokensCut()).isEqualTo(3);
  }
}
