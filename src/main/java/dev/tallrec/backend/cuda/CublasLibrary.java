package dev.tallrec.backend.cuda;

import dev.tallrec.backend.LibraryPath;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * Finds cuBLAS wherever the user has it and loads it before JCublas looks for {@code
 * libcublas.so.12}. On machines with CUDA 13 a forwarding library of ours stands in for version 12.
 */
final class CublasLibrary {

  private static final String FORWARDER = "libcublas_forwarder.so";
  // As long as an int has room for it, whatever it is.
  private static final Pattern NUMBER = Pattern.compile("\\d{1,9}");

  /** What was found: for descriptions. */
  record Found(Path library, boolean forwarded) {}

  private CublasLibrary() {}

  /**
   * Loads version 12, or version 13 behind the forwarder.
   *
   * @throws CudaUnavailableException naming the places that were searched
   */
  static Found load() throws CudaUnavailableException {
    List<Path> places =
        places(
            System.getenv("LD_LIBRARY_PATH"),
            System.getenv("CONDA_PREFIX"),
            System.getenv("VIRTUAL_ENV"));
    List<String> broken = new ArrayList<>();
    Optional<Found> loaded = load(places, broken);
    if (loaded.isPresent()) {
      return loaded.get();
    }
    // What only the loader knows of, as by /etc/ld.so.conf.
    if (loaderFinds("libcublas.so.12")) {
      return new Found(Path.of("libcublas.so.12"), false);
    }
    if (loaderFinds("libcublas.so.13")) {
      loadForwarder();
      return new Found(Path.of("libcublas.so.13"), true);
    }
    throw new CudaUnavailableException(
        (broken.isEmpty()
                ? "found neither libcublas.so.12 nor libcublas.so.13"
                : "no cuBLAS that was found can be loaded: " + String.join("; ", broken))
            + ". Looked in "
            + places
            + ". Install cuBLAS (with the CUDA toolkit, conda, or pip install nvidia-cublas-cu12) and, if it is elsewhere,"
            + " add its directory to LD_LIBRARY_PATH");
  }

  /**
   * Loads the first that does load: one that does not, as of a toolkit that lacks a part, is told
   * of in {@code broken}.
   */
  static Optional<Found> load(List<Path> places, List<String> broken)
      throws CudaUnavailableException {
    Optional<Path> twelve =
        find(places, "libcublas.so.12", path -> loads(path, "libcublasLt.so.12", broken));
    if (twelve.isPresent()) {
      return Optional.of(new Found(twelve.get(), false));
    }
    Optional<Path> thirteen =
        find(places, "libcublas.so.13", path -> loads(path, "libcublasLt.so.13", broken));
    if (thirteen.isPresent()) {
      loadForwarder();
      return Optional.of(new Found(thirteen.get(), true));
    }
    return Optional.empty();
  }

  private static boolean loaderFinds(String name) {
    try {
      SymbolLookup.libraryLookup(name, Arena.global());
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  /** Whether it loads, with its companion; why not is added to {@code broken}. */
  private static boolean loads(Path library, String companion, List<String> broken) {
    try {
      Path beside = library.resolveSibling(companion);
      if (Files.exists(beside)) {
        System.load(beside.toString());
      }
      System.load(library.toString());
      return true;
    } catch (UnsatisfiedLinkError e) {
      // It begins with the path.
      broken.add(String.valueOf(e.getMessage()));
      return false;
    }
  }

  /** Its stubs look the real functions up in the version 13 that is loaded already. */
  private static void loadForwarder() throws CudaUnavailableException {
    try (InputStream bytes = CublasLibrary.class.getResourceAsStream(FORWARDER)) {
      if (bytes == null) {
        throw new CudaUnavailableException(
            "only CUDA 13 is installed, and this build lacks "
                + FORWARDER
                + " (it was made without g++): install cuBLAS 12 beside it, for example pip install nvidia-cublas-cu12");
      }
      Path copy = Files.createTempFile("tallrec-", FORWARDER);
      copy.toFile().deleteOnExit();
      Files.write(copy, bytes.readAllBytes());
      System.load(copy.toString());
    } catch (CudaUnavailableException e) {
      throw e;
    } catch (IOException | UnsatisfiedLinkError e) {
      throw new CudaUnavailableException("cannot load " + FORWARDER + ": " + e.getMessage(), e);
    }
  }

  /**
   * Directories where toolkits, conda and Python wheels put their libraries, in the order they are
   * searched.
   */
  static List<Path> places(
      @Nullable String libraryPath, @Nullable String condaPrefix, @Nullable String virtualEnv) {
    List<Path> places = LibraryPath.directories(libraryPath);
    addMatches(places, Path.of("/usr/local"), "cuda*", "lib64");
    addMatches(places, Path.of("/usr/local"), "cuda*", "targets/x86_64-linux/lib");
    places.add(Path.of("/usr/lib/x86_64-linux-gnu"));
    places.add(Path.of("/usr/lib64"));
    // "/opt/conda" is where container images have it, maybe without its variable.
    for (String prefix :
        new String[] {
          condaPrefix,
          virtualEnv,
          pythonPrefix(System.getenv("PATH")),
          System.getProperty("user.home") + "/.local",
          "/opt/conda",
          "/usr/local",
          "/usr"
        }) {
      if (prefix != null) {
        places.add(Path.of(prefix, "lib"));
        addMatches(places, Path.of(prefix, "lib"), "python3*", "site-packages/nvidia/cublas/lib");
        addMatches(places, Path.of(prefix, "lib"), "python3*", "site-packages/nvidia/cu13/lib");
        addMatches(places, Path.of(prefix, "lib"), "python3*", "dist-packages/nvidia/cublas/lib");
        addMatches(places, Path.of(prefix, "lib"), "python3*", "dist-packages/nvidia/cu13/lib");
      }
    }
    return places;
  }

  /**
   * Where the first python3 of a search path is installed: maybe an environment without variables.
   */
  private static @Nullable String pythonPrefix(@Nullable String searchPath) {
    return LibraryPath.directories(searchPath).stream()
        .filter(directory -> Files.isExecutable(directory.resolve("python3")))
        .map(Path::getParent)
        .filter(Objects::nonNull)
        .map(Path::toString)
        .findFirst()
        .orElse(null);
  }

  static void addMatches(List<Path> places, Path directory, String pattern, String within) {
    if (!Files.isDirectory(directory)) {
      return;
    }
    try (DirectoryStream<Path> matches = Files.newDirectoryStream(directory, pattern)) {
      StreamSupport.stream(matches.spliterator(), false)
          .sorted(CublasLibrary::newestFirst)
          .map(match -> match.resolve(within))
          .filter(Files::isDirectory)
          .forEach(places::add);
    } catch (IOException e) {
      // A directory that cannot be listed holds nothing we could load.
      return;
    }
  }

  /**
   * By the numbers of their names, 12.10 before 12.9. What has fewer of them, as cuda itself, is
   * what the machine's owner chose, and comes before all.
   */
  private static int newestFirst(Path one, Path other) {
    int[] ours = numbers(one);
    int[] theirs = numbers(other);
    int differs = Arrays.mismatch(ours, theirs);
    if (differs < 0) {
      return one.compareTo(other);
    }
    return differs < Math.min(ours.length, theirs.length)
        ? Integer.compare(theirs[differs], ours[differs])
        : Integer.compare(ours.length, theirs.length);
  }

  private static int[] numbers(Path directory) {
    return NUMBER
        .matcher(directory.getFileName().toString())
        .results()
        .mapToInt(number -> Integer.parseInt(number.group()))
        .toArray();
  }

  /** The first that there is, as an absolute path, which alone can be loaded. */
  static Optional<Path> find(List<Path> places, String name) {
    return find(places, name, _ -> true);
  }

  private static Optional<Path> find(List<Path> places, String name, Predicate<Path> suits) {
    return places.stream()
        .map(place -> place.resolve(name).toAbsolutePath())
        .distinct()
        .filter(Files::exists)
        .filter(suits)
        .findFirst();
  }
}
