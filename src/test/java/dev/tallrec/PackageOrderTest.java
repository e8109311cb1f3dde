package dev.tallrec;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.library.Architectures.LayeredArchitecture;
import java.util.List;

/** Packages in an order, each using only those before it. */
@AnalyzeClasses(packages = "dev.tallrec", importOptions = ImportOption.DoNotIncludeTests.class)
class PackageOrderTest {

  /** Lowest first. */
  private static final List<String> ORDER =
      List.of(
          "tensor",
          "json",
          "files",
          "safetensors",
          "endpoint",
          "backend",
          "backend.profile",
          "backend.cpu",
          "backend.cuda",
          "llama",
          "lora",
          "text",
          "model",
          "train",
          "rec",
          "prepare",
          "baselines",
          "tune",
          "report",
          "experiment",
          "verify",
          "verify.ops",
          "cli");

  @ArchTest
  static void eachUsesOnlyThoseBeforeIt(JavaClasses classes) {
    LayeredArchitecture layers = layeredArchitecture().consideringOnlyDependenciesInLayers();
    for (String name : ORDER) {
      layers = layers.layer(name).definedBy("dev.tallrec." + name);
    }
    for (int i = 0; i < ORDER.size(); i++) {
      List<String> later = ORDER.subList(i + 1, ORDER.size());
      layers =
          later.isEmpty()
              ? layers.whereLayer(ORDER.get(i)).mayNotBeAccessedByAnyLayer()
              : layers
                  .whereLayer(ORDER.get(i))
                  .mayOnlyBeAccessedByLayers(later.toArray(String[]::new));
    }
    layers.ensureAllClassesAreContainedInArchitecture().check(classes);
  }

  @ArchTest
  static void thereAreNoCycles(JavaClasses classes) {
    slices().matching("dev.tallrec.(**)").should().beFreeOfCycles().check(classes);
  }

  @ArchTest
  static void backendsAreChosenOnlyOnTheCommandLine(JavaClasses classes) {
    noClasses()
        .that()
        .resideOutsideOfPackages("dev.tallrec.backend..", "dev.tallrec.cli")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("dev.tallrec.backend.cpu", "dev.tallrec.backend.cuda")
        .check(classes);
  }
}
