/** Files that are written whole or not at all, and by one process at a time. */
@NullMarked
package dev.tallrec.files;

import org.jspecify.annotations.NullMarked;
