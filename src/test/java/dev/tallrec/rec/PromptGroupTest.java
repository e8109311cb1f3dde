package dev.tallrec.rec;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PromptGroupTest {

  private static int[] prompt(int common, int user, int userTokens, int own, int ownTokens) {
    int[] ids = new int[common + userTokens + ownTokens];
    Arrays.fill(ids, 0, common, 1);
    Arrays.fill(ids, common, common + userTokens, user);
    Arrays.fill(ids, common + userTokens, ids.length, own);
    return ids;
  }

  @Test
  void promptsOfAUserWhichShareMuchAreAGroup() {
    List<int[]> prompts =
        List.of(
            prompt(5, 20, 30, 50, 4),
            prompt(5, 21, 30, 51, 4),
            prompt(5, 20, 30, 52, 4),
            prompt(5, 21, 30, 53, 6),
            prompt(5, 22, 30, 54, 4),
            prompt(5, 20, 30, 55, 4));
    List<PromptGroup> groups = PromptGroup.of(prompts, 5, 1000);
    assertThat(groups)
        .containsExactly(
            new PromptGroup(List.of(0, 2, 5), 35),
            new PromptGroup(List.of(1, 3), 35),
            new PromptGroup(List.of(4), 5));
    assertThat(groups.stream().mapToInt(group -> group.tokens(prompts, 5)))
        .containsExactly(30 + 3 * 4, 30 + 4 + 6, 34);
    assertThat(groups.stream().mapToInt(PromptGroup::sequences)).containsExactly(4, 3, 1);
    assertThat(groups.stream().mapToInt(PromptGroup::repeatedRows)).containsExactly(35, 35, 0);
  }

  @Test
  void aTokenIsLeftToEachOfEqualPrompts() {
    List<int[]> prompts = List.of(prompt(2, 9, 40, 8, 1), prompt(2, 9, 40, 8, 1));
    assertThat(PromptGroup.of(prompts, 2, 100)).containsExactly(new PromptGroup(List.of(0, 1), 42));
  }

  @Test
  void promptsThatShareLittleOrAreTooLongTogetherStayAlone() {
    List<int[]> little = List.of(prompt(5, 20, 6, 50, 9), prompt(5, 20, 6, 51, 9));
    assertThat(PromptGroup.of(little, 5, 1000)).extracting(PromptGroup::shared).containsOnly(5);
    List<int[]> large = List.of(prompt(5, 20, 60, 50, 50), prompt(5, 20, 60, 51, 50));
    assertThat(PromptGroup.of(large, 5, 159)).hasSize(2);
    assertThat(PromptGroup.of(large, 5, 160)).hasSize(1);
  }

  @Test
  void everyPromptIsInOneGroupWhoseTokensItBeginsWith() {
    Random random = new Random(7);
    for (int trial = 0; trial < 50; trial++) {
      List<int[]> prompts = new ArrayList<>();
      for (int i = 0; i < 1 + random.nextInt(90); i++) {
        prompts.add(
            IntStream.range(0, 3 + random.nextInt(60))
                .map(t -> t < 3 ? 1 : t / 20 == 0 ? 2 : random.nextInt(2))
                .toArray());
      }
      int common = random.nextInt(3);
      List<PromptGroup> groups = PromptGroup.of(prompts, common, 400);
      assertThat(groups.stream().flatMap(group -> group.members().stream()).sorted())
          .as("trial %d", trial)
          .containsExactlyElementsOf(IntStream.range(0, prompts.size()).boxed().toList());
      for (PromptGroup group : groups) {
        int[] first = prompts.get(group.members().getFirst());
        assertThat(group.shared()).isBetween(common, 400);
        assertThat(group.tokens(prompts, common)).isLessThanOrEqualTo(400);
        for (int member : group.members()) {
          int[] prompt = prompts.get(member);
          assertThat(prompt.length).isGreaterThan(group.shared());
          assertThat(Arrays.equals(prompt, 0, group.shared(), first, 0, group.shared())).isTrue();
        }
      }
    }
  }

  /** Of all ways to part {@code sorted} between neighbours, the least that one costs. */
  private static int leastCost(List<int[]> sorted, int common, int mostTokens) {
    int least = Integer.MAX_VALUE;
    for (int cuts = 0; cuts < 1 << (sorted.size() - 1); cuts++) {
      int sum = 0;
      int start = 0;
      boolean fits = true;
      for (int end = 1; end <= sorted.size(); end++) {
        if (end == sorted.size() || ((cuts >> (end - 1)) & 1) == 1) {
          List<int[]> group = sorted.subList(start, end);
          int cost = cost(group, common);
          fits &= group.size() == 1 || cost - 8 <= mostTokens;
          sum += cost;
          start = end;
        }
      }
      least = fits ? Math.min(least, sum) : least;
    }
    return least;
  }

  /** Tokens to compute; a group of several costs as much as 8 tokens more. */
  private static int cost(List<int[]> group, int common) {
    int all = group.stream().mapToInt(prompt -> prompt.length - common).sum();
    if (group.size() == 1) {
      return all;
    }
    int shared = 0;
    int shortest = group.stream().mapToInt(prompt -> prompt.length).min().orElseThrow();
    while (shared < shortest - 1 && sameTokenAt(group, shared)) {
      shared++;
    }
    return all - (group.size() - 1) * (shared - common) + 8;
  }

  private static boolean sameTokenAt(List<int[]> group, int place) {
    return group.stream().mapToInt(prompt -> prompt[place]).distinct().count() == 1;
  }

  @Test
  void noOtherGroupsOfNeighboursComputeLess() {
    Random random = new Random(3);
    int grouped = 0;
    for (int trial = 0; trial < 200; trial++) {
      int common = random.nextInt(2);
      int mostTokens = 50 + random.nextInt(100);
      List<int[]> prompts =
          random
              .ints(9, 15, 60)
              .mapToObj(length ->
                  IntStream.range(0, length)
                      .map(t -> t < common || t % 12 > 0 ? 1 : random.nextInt(2))
                      .toArray())
              .toList();
      List<PromptGroup> groups = PromptGroup.of(prompts, common, mostTokens);
      int cost = 0;
      for (PromptGroup group : groups) {
        cost += group.tokens(prompts, common) + (group.members().size() > 1 ? 8 : 0);
      }
      assertThat(cost)
          .as("trial %d", trial)
          .isEqualTo(
              leastCost(prompts.stream().sorted(Arrays::compare).toList(), common, mostTokens));
      grouped += groups.size() < prompts.size() ? 1 : 0;
    }
    assertThat(grouped).isGreaterThan(150);
  }
}
