package dev.tallrec.backend;

/**
 * Parameters of one AdamW step (Loshchilov and Hutter, arXiv 1711.05101), as PyTorch computes it:
 * {@code w -= lr * weightDecay * w; w -= lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) +
 * epsilon)}.
 *
 * @param learningRate lr of this step
 * @param beta1 decay of the first moment
 * @param beta2 decay of the second moment
 * @param epsilon added to the root
 * @param weightDecay decoupled weight decay
 * @param step t, from 1
 * @param gradientScale factor on every gradient before use: 1 / loss scale * clipping coefficient
 */
public record AdamWStep(
    float learningRate,
    double beta1,
    double beta2,
    float epsilon,
    float weightDecay,
    long step,
    float gradientScale) {}
