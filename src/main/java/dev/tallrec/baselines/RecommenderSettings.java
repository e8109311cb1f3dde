package dev.tallrec.baselines;

/**
 * A recommender and how it learns. The defaults of the grids that come with this program are what
 * the paper's authors ran.
 *
 * @param architecture of the history's encoder
 * @param objective what is learned
 * @param droWeight of the distributionally robust term (Yang et al., "A generic learning framework
 *     for sequential recommendation with distribution shifts", SIGIR 2023); 0 for none
 * @param droPower by which an item's share of the training targets is raised in that term: 0.5 in
 *     the paper's scripts, 0.05 in those of the term's authors
 * @param hidden width of embeddings and hidden states, the like flag included
 * @param layers of the GRU
 * @param heads of attention in SASRec
 * @param dropout in Caser and SASRec
 * @param learningRate of Adam
 * @param weightDecay added to gradients: L2
 * @param epochs passes over the examples
 * @param batchSize most examples a step
 * @param evaluateEvery steps between validations; 0 for one each epoch
 */
public record RecommenderSettings(
    Architecture architecture,
    Objective objective,
    double droWeight,
    double droPower,
    int hidden,
    int layers,
    int heads,
    double dropout,
    double learningRate,
    double weightDecay,
    int epochs,
    int batchSize,
    int evaluateEvery) {

  /** What a recommender learns. */
  public enum Objective {
    /** The label of the target: squared error of the sigmoid of its score, as in the paper. */
    LABEL,
    /**
     * Which item comes next, as the models' authors had it: binary cross-entropy of each liked
     * target against one other item drawn at random.
     */
    NEXT_ITEM
  }

  /** Checks the numbers. */
  public RecommenderSettings {
    if (hidden < 2 || layers < 1 || heads < 1 || epochs < 1 || batchSize < 1) {
      throw new IllegalArgumentException(
          "hidden must be 2 or more; layers, heads, epochs and batch_size 1 or more");
    }
    if (architecture == Architecture.SASREC && hidden % heads != 0) {
      throw new IllegalArgumentException(
          "hidden %d is no multiple of heads %d".formatted(hidden, heads));
    }
    if (!(dropout >= 0 && dropout < 1) || !(learningRate > 0) || !(weightDecay >= 0)) {
      throw new IllegalArgumentException(
          "dropout must be in [0, 1), learning_rate above 0, weight_decay 0 or more");
    }
    if (!(droWeight >= 0) || evaluateEvery < 0) {
      throw new IllegalArgumentException("dro_weight and evaluate_every must be 0 or more");
    }
  }
}
