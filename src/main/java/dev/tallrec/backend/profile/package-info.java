/** How long a device's operations take, and how fast it is at best. */
@NullMarked
package dev.tallrec.backend.profile;

import org.jspecify.annotations.NullMarked;
