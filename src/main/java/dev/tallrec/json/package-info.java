/** JSON files from outside: read strictly, what is wrong with them said by file and line. */
@NullMarked
package dev.tallrec.json;

import org.jspecify.annotations.NullMarked;
