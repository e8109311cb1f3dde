package dev.tallrec.experiment;

import dev.tallrec.llama.Adapter;
import dev.tallrec.model.BaseModel;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.Taste;
import dev.tallrec.rec.TasteScorer;
import dev.tallrec.text.ExampleEncoder;
import dev.tallrec.text.Instruction;
import dev.tallrec.train.TrainingStoppedException;
import dev.tallrec.tune.Evaluator;
import dev.tallrec.tune.RunInputs;
import dev.tallrec.tune.RunListener;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

/**
 * The base as it is, asked the same questions, alone or after solved examples. Keys and values of
 * the examples are computed once, as all prompts begin with them.
 */
final class UntunedCells implements CellRunner {

  private static final int CUTOFF = 512;
  private static final int BATCH_TOKENS = 2048;

  private final BaseModel base;
  private final DataSets sets;
  private final RunListener listener;
  private final BooleanSupplier stop;

  UntunedCells(BaseModel base, DataSets sets, RunListener listener, BooleanSupplier stop) {
    this.base = base;
    this.sets = sets;
    this.listener = listener;
    this.stop = stop;
  }

  @Override
  public void check(Grid.Cell cell) throws IOException {
    Demonstrations.check(cell, Set.of());
    sets.check(cell, false);
  }

  @Override
  public Map<String, String> sources(Grid.Cell cell) {
    return Map.of("base", RunInputs.of(base));
  }

  @Override
  public String identity(Grid.Cell cell) throws IOException {
    return Demonstrations.count(cell) > 0 ? cell.name() : "zero-shot on " + cell.test();
  }

  @Override
  public Measured run(Grid.Cell cell, Path directory) throws IOException, TrainingStoppedException {
    int wanted = Demonstrations.count(cell);
    Evaluator evaluator =
        new Evaluator(base, base.encoder(CUTOFF, false), BATCH_TOKENS, listener, stop);
    Map<String, double[]> scores = new LinkedHashMap<>();
    List<String> remarks = new ArrayList<>();
    for (String name : cell.test()) {
      RecData data = sets.get(name);
      List<int[]> questions = evaluator.prompts(name, data.test());
      int room = base.maxPositions() - TasteScorer.longest(questions);
      int[] head = head(Demonstrations.candidates(cell, data), wanted, room, cell, remarks);
      List<int[]> prompts =
          questions.stream()
              // The question's own begin token would start another text.
              .map(question -> head.length == 0 ? question : joined(head, question))
              .toList();
      List<Taste> tastes = evaluator.scorePrompts(name, prompts, Adapter.NONE);
      scores.put(name, tastes.stream().mapToDouble(Taste::score).toArray());
    }
    return new Measured(scores, List.of(), remarks, OptionalDouble.empty());
  }

  /** As many solved examples as are wanted and fit, in the sample's order; begin token first. */
  private int[] head(
      List<Instruction> candidates, int wanted, int room, Grid.Cell cell, List<String> remarks) {
    int[] gap = base.tokenizer().encode("\n\n");
    ExampleEncoder whole = base.encoder(base.maxPositions(), true);
    int[] head = new int[0];
    int taken = 0;
    for (Instruction candidate : candidates) {
      if (taken == wanted) {
        break;
      }
      ExampleEncoder.Encoded encoded = whole.encode(candidate);
      if (encoded.cut() > 0) {
        continue;
      }
      int[] ids = encoded.tokens().ids();
      // Without the end token, after which nothing is to be expected.
      int[] solved = Arrays.copyOf(ids, ids.length - 1);
      int[] longer = joined(head.length == 0 ? solved : joined(head, solved), withBegin(gap));
      if (longer.length <= room) {
        head = longer;
        taken++;
      }
    }
    if (taken < wanted) {
      remarks.add(
          "%s: %d of %d demonstrations fit beside the longest question"
              .formatted(cell.variant(), taken, wanted));
    }
    return head;
  }

  private int[] withBegin(int... ids) {
    return joined(new int[] {base.tokenizer().bos()}, ids, 0);
  }

  /** {@code second} after {@code first}, without the begin token it starts with. */
  private static int[] joined(int[] first, int[] second) {
    return joined(first, second, 1);
  }

  private static int[] joined(int[] first, int[] second, int from) {
    return IntStream.concat(Arrays.stream(first), Arrays.stream(second).skip(from)).toArray();
  }
}
