package dev.tallrec.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * gpu-check.sh, between a JDK, a runtime, Python and compute-sanitizer that say what they were
 * started with and fail where they are told to.
 */
@EnabledOnOs(OS.LINUX)
class GpuCheckScriptTest {

  private static final String WEIGHTS = "models/tallrec-mini-base/model.safetensors";
  private static final String KERNELS = "dev/tallrec/backend/cuda/kernels.txt";
  private static final String FORWARDER = "dev/tallrec/backend/cuda/libcublas_forwarder.so";
  private static final List<String> NEEDED =
      List.of(
          "sh bash env tar gzip timeout date mktemp mkdir rm cat cp grep tail tee wc tr sleep dirname awk xargs stat git"
              .split(" "));
  private static final String JAVA =
      """
      #!/bin/sh
      echo "started $*, waiting for launches: ${CUDA_LAUNCH_BLOCKING:-0}"
      case "$*" in *" info "*) cat "${1#@}" ;; esac
      case "$FAULT:$*" in
        "no GPU":*" info "*) exit 1 ;;
        hangs:*" --ops "*) exec sleep 60 ;;
        crash:*" --ops "*F16*) echo "# SIGSEGV" >"$HOME_OF_ALL/out/hs_err_17.log"; exit 134 ;;
        error:*" --ops "*) echo "failed: CUDA_ERROR_ILLEGAL_ADDRESS"; exit 1 ;;
        inexact:*" --ops "*) echo "NOT within tolerance"; exit 1 ;;
      esac
      """;
  private static final String PYTHON =
      """
      #!/bin/sh
      case "$1" in
        -m) PATH=$REAL_PATH exec python3 "$@" ;;
        -c) echo "$MISSING" ;;
        *) echo "peer $*" ;;
      esac
      """;

  @TempDir private Path directory;
  private Path home;
  private Path tools;

  private record Outcome(int code, String output, String report) {}

  @BeforeEach
  void makeTheTree() throws IOException {
    home = Files.createDirectories(directory.resolve("a tree"));
    tools = Files.createDirectories(directory.resolve("tools"));
    for (String tool : NEEDED) {
      program(
          tools.resolve(tool),
          "#!/bin/sh\nexec '%s' \"$@\"\n".formatted(onPath(tool).orElseThrow()));
    }
    Path script = home.resolve("benchmarks/gpu-check.sh");
    Files.createDirectories(script.getParent());
    Files.copy(Path.of("gpu-check.sh"), script);
    Files.createDirectories(home.resolve("src/test/resources/golden/A_fixture"));
  }

  private static Optional<Path> onPath(String tool) {
    return Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
        .map(place -> Path.of(place, tool))
        .filter(Files::isExecutable)
        .findFirst();
  }

  private static void program(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
    assertThat(file.toFile().setExecutable(true)).isTrue();
  }

  private Outcome start(Map<String, String> environment, String... command)
      throws IOException, InterruptedException {
    Path log = directory.resolve("log");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(home.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    builder.environment().put("PATH", tools.toString());
    builder.environment().putAll(environment);
    Process process = builder.start();
    if (!process.waitFor(2, TimeUnit.MINUTES)) {
      process.destroyForcibly();
    }
    Path report = home.resolve("out/gpu-check.md");
    return new Outcome(
        process.waitFor(),
        Files.readString(log, StandardCharsets.UTF_8),
        Files.exists(report) ? Files.readString(report) : "");
  }

  /** Runs it with a kit whose runtime is compressed by {@code program}. */
  private Outcome run(String program, Map<String, String> environment) throws Exception {
    Path kit = Files.createDirectories(home.resolve(".gpu-check"));
    program(kit.resolve("runtime/bin/java"), JAVA);
    String archive = program.equals("xz") ? "runtime.tar.xz" : "runtime.tar.gz";
    String compressor = onPath(program).orElseThrow().toString();
    assertThat(
            start(
                    Map.of(),
                    "tar",
                    "-C",
                    kit.toString(),
                    "-I",
                    compressor,
                    "-cf",
                    kit.resolve(archive).toString(),
                    "runtime")
                .code)
        .isZero();
    Files.delete(kit.resolve("runtime/bin/java"));
    Files.writeString(kit.resolve("commit"), "fabec82-dirty\n");
    program(tools.resolve("python3"), PYTHON);
    Map<String, String> all = new HashMap<>(Map.of("FAULT", "none", "MISSING", ""));
    all.put("REAL_PATH", System.getenv("PATH"));
    all.put("HOME_OF_ALL", home.toString());
    all.putAll(environment);
    return start(all, "sh", "benchmarks/gpu-check.sh", "run", "out");
  }

  private Outcome run(String fault) throws Exception {
    program(tools.resolve("compute-sanitizer"), "#!/bin/sh\necho \"sanitizer $*\"\n");
    return run("gzip", Map.of("FAULT", fault));
  }

  @Test
  void runsEverythingAndSaysOfWhatCommit() throws Exception {
    Outcome outcome = run("none");
    assertThat(outcome.code).as(outcome.output).isZero();
    assertThat(outcome.report)
        .contains("tallrec at fabec82-dirty")
        .contains("-cp \"" + home + "/.gpu-check/benchmarks.jar:" + home + "\"")
        .contains(
            "verify --device cuda --compute-type BF16 "
                + home
                + "/src/test/resources/golden/A_fixture")
        .contains("StepTimer cuda F16 LLAMA_7B dense:512:1 dense:512:8 dense:512:32,")
        .contains("--shape LLAMA_7B --rows 1,8,32")
        .contains("sanitizer --error-exitcode 1 --report-api-errors no --tool synccheck ")
        // The small one first: time may be short.
        .containsPattern(
            "(?s)--tool memcheck [^\n]* verify --device .*--tool memcheck [^\n]* verify --ops --device cuda --compute-type F16\n")
        .doesNotContain("initcheck", "launch by launch", "left out");
    assertThat(Files.readAllLines(home.resolve("out/gpu-check.json")).getFirst())
        .isEqualTo("{\"commit\": \"fabec82-dirty\"}");
  }

  @Test
  void stopsWhereThereIsNoGpu() throws Exception {
    Outcome outcome = run("no GPU");
    assertThat(outcome.code).isEqualTo(1);
    assertThat(outcome.report)
        .contains("info --device cuda", "What failed or was left out", "the GPU cannot be used")
        .doesNotContain("every operation");
  }

  @Test
  void runsAgainLaunchByLaunchOnlyForAnErrorOfCuda() throws Exception {
    Outcome outcome = run("error");
    assertThat(outcome.code).isEqualTo(1);
    assertThat(outcome.report)
        .contains("launch by launch", "waiting for launches: 1", "LLAMA_7B")
        .contains("every operation in F16, against the CPU: exit code 1");
    outcome = run("inexact");
    assertThat(outcome.code).isEqualTo(1);
    assertThat(outcome.report).doesNotContain("launch by launch");
  }

  /** Starting for the first time may take longer than comparing: nothing else runs without it. */
  @Test
  void theFirstStartHasMoreTimeThanAComparison() throws Exception {
    program(tools.resolve("timeout"), "#!/bin/sh\necho \"at most $3 s\"\nshift 3\nexec \"$@\"\n");
    Outcome outcome = run("none");
    assertThat(outcome.report)
        .containsPattern("## tallrec info\n\n```\nat most 240 s\n")
        .containsPattern("## every operation in F16, against the CPU\n\n```\nat most 60 s\n");
  }

  @Test
  void whatACrashOfTheJvmLeavesLiesBesideTheReportWhichNamesIt() throws Exception {
    Path stale = Files.createDirectories(home.resolve("out")).resolve("hs_err_3.log");
    Files.createFile(stale);
    Outcome outcome = run("crash");
    assertThat(outcome.code).isEqualTo(1);
    assertThat(stale).doesNotExist();
    assertThat(outcome.report)
        .contains("-XX:ErrorFile=\"" + home + "/out/hs_err_%p.log\"")
        .contains("whose JVM crashed: see hs_err_17.log");
  }

  @Test
  void whatHangsIsStoppedAndNotTriedAgain() throws Exception {
    Outcome outcome = run("gzip", Map.of("FAULT", "hangs", "GPU_CHECK_SECONDS", "6"));
    assertThat(outcome.code).isEqualTo(1);
    assertThat(outcome.report)
        .containsPattern(
            "every operation in F16, against the CPU: exit code 124: stopped after [56] s")
        .contains("left out: every operation in BF16, against the CPU: the 6 seconds were over")
        .doesNotContain("launch by launch");
  }

  @Test
  void saysWhichToolsAreNotThere() throws Exception {
    assumeFalse(Files.exists(Path.of("/usr/local/cuda/bin/compute-sanitizer")));
    Outcome outcome = run("gzip", Map.of("MISSING", "transformers peft"));
    assertThat(outcome.code).as(outcome.output).isZero();
    assertThat(outcome.report)
        .contains("left out: Hugging Face + PEFT: here is no transformers peft")
        .contains("left out: compute-sanitizer: neither on the PATH nor in /usr/local/cuda/bin")
        .doesNotContain("peer_gpu");
  }

  @Test
  void unpacksWithoutXz() throws Exception {
    assumeTrue(onPath("xz").isPresent() && onPath("python3").isPresent());
    Outcome outcome = run("xz", Map.of());
    assertThat(outcome.code).as(outcome.output).isZero();
  }

  private Outcome pack(String... built) throws Exception {
    Path jdk = directory.resolve("jdk");
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    program(jdk.resolve("bin/java"), "#!/bin/sh\nexec '" + java + "' \"$@\"\n");
    program(
        jdk.resolve("bin/jlink"),
        "#!/bin/sh\nwhile [ \"$1\" != --output ]; do shift; done\nmkdir -p \"$2/bin\"\n");
    program(
        tools.resolve("mvn"),
        "#!/bin/sh\nmkdir -p benchmarks/target\ncp '"
            + directory
            + "/built.jar' benchmarks/target/benchmarks.jar\n");
    try (OutputStream file = Files.newOutputStream(directory.resolve("built.jar"));
        ZipOutputStream jar = new ZipOutputStream(file)) {
      for (String name : built) {
        jar.putNextEntry(new ZipEntry(name));
        jar.write(new byte[1 << 10]);
        jar.closeEntry();
      }
    }
    return start(Map.of("JAVA_HOME", jdk.toString()), "sh", "benchmarks/gpu-check.sh", "pack");
  }

  private void commitAll() throws Exception {
    Files.writeString(home.resolve(".gitignore"), "target/\n/.gpu-check/\n");
    assertThat(
            start(
                    Map.of(),
                    "sh",
                    "-c",
                    "git init -q && git add . && git -c user.name=n -c user.email=e commit -qm first")
                .code)
        .isZero();
  }

  @Test
  void packsNoWeightsAndNothingLargerThanTravels() throws Exception {
    commitAll();
    Outcome outcome = pack("Some.class", WEIGHTS, KERNELS, FORWARDER);
    assertThat(outcome.code).as(outcome.output).isZero();
    assertThat(outcome.output).contains("MiB + .gpu-check ", "MiB of 64");
    Path kit = home.resolve(".gpu-check");
    assertThat(kit.toFile().list())
        .containsExactlyInAnyOrder("benchmarks.jar", "runtime.tar.gz", "commit");
    assertThat(Files.readString(kit.resolve("commit")).strip()).matches("[0-9a-f]{7,40}");
    try (ZipFile jar = new ZipFile(kit.resolve("benchmarks.jar").toFile())) {
      assertThat(jar.stream().map(ZipEntry::getName))
          .containsExactly("Some.class", KERNELS, FORWARDER);
    }
    try (RandomAccessFile large = new RandomAccessFile(home.resolve("large").toFile(), "rw")) {
      large.setLength(65 << 20);
    }
    outcome = pack("Some.class", WEIGHTS, KERNELS, FORWARDER);
    assertThat(outcome.code).as(outcome.output).isEqualTo(1);
    assertThat(outcome.output).contains("tree 65.0 MiB", "too large to travel");
  }

  @Test
  void packsNothingThatWasBuiltWithoutKernelsOrForwarder() throws Exception {
    commitAll();
    Outcome outcome = pack("Some.class", WEIGHTS, KERNELS);
    assertThat(outcome.code).as(outcome.output).isEqualTo(1);
    assertThat(outcome.output).contains("without " + FORWARDER + ": ", "g++");
    outcome = pack("Some.class", WEIGHTS);
    assertThat(outcome.code).as(outcome.output).isEqualTo(1);
    assertThat(outcome.output).contains("without " + KERNELS + " " + FORWARDER + ": ", "nvcc");
    assertThat(home.resolve(".gpu-check")).doesNotExist();
  }
}
