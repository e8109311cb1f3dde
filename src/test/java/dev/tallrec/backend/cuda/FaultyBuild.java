package dev.tallrec.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Builds emulated devices of some kernels, with a fault put into one. */
final class FaultyBuild {

  private static final Path SOURCES = Path.of("../native-kernels");
  private static final Path HOST = SOURCES.resolve("host");
  private static final Path PTX = SOURCES.resolve("target/classes/dev/tallrec/backend/cuda");

  private final boolean isWatched;
  private final List<String> device = new ArrayList<>();

  /**
   * Compiles the device itself, which has no faults: once for all.
   *
   * @param directory for object files
   * @param isWatched whether for {@link WatchedDriver}
   */
  FaultyBuild(Path directory, boolean isWatched) throws IOException, InterruptedException {
    this.isWatched = isWatched;
    for (String source : isWatched ? List.of("emulation", "watch") : List.of("emulation")) {
      String object = directory.resolve(source + ".o").toString();
      compile(List.of("-c", "-o", object, HOST.resolve(source + ".cpp").toString()));
      device.add(object);
    }
  }

  private void compile(List<String> arguments) throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(List.of("g++", "@" + HOST.resolve("emulation.flags"), "-I" + HOST));
    if (isWatched) {
      command.add("-DTALLREC_WATCH");
    }
    command.addAll(arguments);
    assertThat(new ProcessBuilder(command).inheritIO().start().waitFor()).isZero();
  }

  /**
   * Builds {@code kernels} with {@code good} replaced by {@code bad} in one of its files.
   *
   * @param directory that nothing else is built in
   * @return the library
   */
  Path build(Path directory, String kernels, String file, String good, String bad)
      throws IOException, InterruptedException {
    try (Stream<Path> sources = Files.list(SOURCES.resolve("kernels"))) {
      for (Path source : sources.toList()) {
        Files.copy(source, directory.resolve(source.getFileName().toString()));
      }
    }
    replace(directory.resolve(file), Pattern.quote(good), Matcher.quoteReplacement(bad));
    return build(
        directory,
        isWatched ? "@" + HOST.resolve("watch.flags") : "-O0",
        directory.resolve(kernels));
  }

  /**
   * Builds {@code kernels} from the PTX that nvcc made of them, with what matches {@code good}
   * replaced by {@code bad}.
   *
   * @param directory that nothing else is built in
   * @return the library
   */
  Path buildPtx(Path directory, String kernels, String good, String bad)
      throws IOException, InterruptedException {
    Path ptx = directory.resolve(kernels);
    Files.copy(PTX.resolve(kernels), ptx);
    replace(ptx, good, bad);
    Path source = directory.resolve("kernels.cpp");
    ProcessBuilder translate =
        new ProcessBuilder("awk", "-f", HOST.resolve("ptx.awk").toString(), ptx.toString());
    translate.redirectOutput(source.toFile()).redirectError(Redirect.INHERIT);
    assertThat(translate.start().waitFor()).isZero();
    return build(directory, "-O0", source);
  }

  private static void replace(Path file, String good, String bad) throws IOException {
    String text = Files.readString(file);
    assertThat(text).containsPattern(good);
    Files.writeString(file, text.replaceAll(good, bad));
  }

  private Path build(Path directory, String flags, Path source)
      throws IOException, InterruptedException {
    String object = directory.resolve("kernels.o").toString();
    compile(List.of(flags, "-c", "-I" + directory, "-o", object, "-x", "c++", source.toString()));
    Path library = directory.resolve("libfaulty.so");
    List<String> link = new ArrayList<>(List.of("-shared", "-o", library.toString(), object));
    link.addAll(device);
    compile(link);
    return library;
  }
}
