/**
 * TALLRec's task: examples of users' tastes, K-shot samples of them, scores and how good they are.
 */
@NullMarked
package dev.tallrec.rec;

import org.jspecify.annotations.NullMarked;
