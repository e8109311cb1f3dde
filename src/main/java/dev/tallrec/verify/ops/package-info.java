/**
 * Every operation of a device against another device's, as a program that needs no test framework.
 */
@NullMarked
package dev.tallrec.verify.ops;

import org.jspecify.annotations.NullMarked;
