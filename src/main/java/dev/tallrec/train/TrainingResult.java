package dev.tallrec.train;

import java.util.List;

/**
 * How a run ended. The adapter then holds the weights of the best evaluation, or the last ones if
 * there was no evaluation.
 *
 * @param steps optimizer steps made
 * @param bestStep step of the best evaluation, of which the one before the first step is none; the
 *     last step without evaluations
 * @param bestScore its score; NaN without evaluations
 * @param stoppedEarly whether patience ran out
 * @param skippedSteps steps not applied because gradients were not finite
 * @param seconds that training and its evaluations took, in every call that this one went on from,
 *     but for what a killed one had not saved
 * @param stepLog every step
 * @param evaluationLog every evaluation
 */
public record TrainingResult(
    long steps,
    long bestStep,
    double bestScore,
    boolean stoppedEarly,
    long skippedSteps,
    double seconds,
    List<TrainingListener.Step> stepLog,
    List<TrainingListener.Evaluated> evaluationLog) {}
