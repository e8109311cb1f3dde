package dev.tallrec;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import java.lang.foreign.Arena;

/**
 * Memory of confined arenas makes loops over that of shared arenas slow: every access checks the
 * arena's owner if it has one, C2 has one profile of that check for the whole JVM, and once it has
 * seen enough owners it takes the check out of the loop and out of the condition. It then fails for
 * every shared arena, and the loop is compiled anew, up to 100 times: seconds of a compiler thread
 * each, while vectors are objects on the heap. Tests are looked at too, since they share their JVM.
 */
@AnalyzeClasses(packages = "dev.tallrec")
class ArenaTest {

  @ArchTest
  static void noneIsConfined(JavaClasses classes) {
    noClasses()
        .should()
        .callMethod(Arena.class, "ofConfined")
        .because("loops over memory of shared arenas would be compiled again and again")
        .check(classes);
  }
}
