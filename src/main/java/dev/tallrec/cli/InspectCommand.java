package dev.tallrec.cli;

import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaConfigReader;
import dev.tallrec.safetensors.SafetensorsModel;
import dev.tallrec.safetensors.TensorInfo;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows what is in a model. */
@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    description = {
      "Shows configuration and tensors of a model directory or a safetensors file.",
      "With a config.json beside them: which of LLaMA's tensors are missing, extra or misshapen. Exit code 1 if"
          + " something is wrong."
    })
final class InspectCommand implements Callable<Integer> {

  @Parameters(paramLabel = "PATH", description = "Model directory, or a .safetensors file.")
  private Path path = Path.of(".");

  @Option(
      names = "--check-finite",
      description = "Read every weight and name those that are NaN or infinite.")
  private boolean checkFinite;

  @Option(names = "--quiet", description = "List no tensors, only what is wrong.")
  private boolean quiet;

  @Override
  public Integer call() throws IOException {
    List<String> wrong = new ArrayList<>();
    try (SafetensorsModel model = SafetensorsModel.open(path)) {
      if (Files.exists(path.resolve("config.json"))) {
        LlamaConfig config = LlamaConfigReader.read(path);
        System.out.println(config);
        System.out.printf("%,d parameters%n", config.parameterCount());
        compare(config, model, wrong);
      }
      if (!quiet) {
        list(model);
      }
      summarize(model);
      if (checkFinite) {
        checkFinite(model, wrong);
      }
    }
    wrong.forEach(System.out::println);
    System.out.println(wrong.isEmpty() ? "nothing is wrong" : wrong.size() + " things are wrong");
    return wrong.isEmpty() ? 0 : Tallrec.FAILED;
  }

  private static void list(SafetensorsModel model) {
    for (TensorInfo info : model.infos()) {
      System.out.printf(
          "%-64s %-8s %-16s %,14d bytes%n",
          info.name(), info.dtype(), info.shape(), info.byteSize());
    }
  }

  private static void summarize(SafetensorsModel model) {
    Map<String, Long> bytes =
        model.infos().stream()
            .collect(
                Collectors.groupingBy(
                    TensorInfo::dtype,
                    LinkedHashMap::new,
                    Collectors.summingLong(TensorInfo::byteSize)));
    System.out.printf("%d tensors%n", model.infos().size());
    bytes.forEach((dtype, size) -> System.out.printf("  %-8s %,16d bytes%n", dtype, size));
  }

  private static void compare(LlamaConfig config, SafetensorsModel model, List<String> wrong) {
    Map<String, Shape> expected = config.expectedTensors();
    Map<String, TensorInfo> present =
        model.infos().stream().collect(Collectors.toMap(TensorInfo::name, info -> info));
    expected.forEach((name, shape) -> {
      TensorInfo info = present.get(name);
      if (info == null) {
        wrong.add("missing: " + name + " " + shape);
      } else if (!info.shape().equals(shape)) {
        wrong.add("misshapen: %s is %s, config.json says %s".formatted(name, info.shape(), shape));
      }
    });
    present.keySet().stream()
        .filter(name -> !expected.containsKey(name))
        .sorted()
        .forEach(name -> System.out.println("extra, not used: " + name));
  }

  private static void checkFinite(SafetensorsModel model, List<String> wrong) throws IOException {
    for (TensorInfo info : model.infos()) {
      if (DType.named(info.dtype()).filter(DType::isWeight).isEmpty()) {
        System.out.println("not checked for NaN, type " + info.dtype() + ": " + info.name());
        continue;
      }
      Tensor tensor = model.tensor(info.name());
      long bad = 0;
      long first = -1;
      for (long i = 0; i < tensor.shape().elementCount(); i++) {
        if (!Float.isFinite(tensor.floatAt(i))) {
          first = bad++ == 0 ? i : first;
        }
      }
      if (bad > 0) {
        wrong.add(
            "not finite: %s, %,d of %,d elements, the first at index %,d"
                .formatted(info.name(), bad, tensor.shape().elementCount(), first));
      }
    }
  }
}
