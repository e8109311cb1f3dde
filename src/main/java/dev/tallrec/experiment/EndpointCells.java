package dev.tallrec.experiment;

import dev.tallrec.endpoint.Answer;
import dev.tallrec.endpoint.Api;
import dev.tallrec.endpoint.EndpointClient;
import dev.tallrec.endpoint.EndpointException;
import dev.tallrec.endpoint.EndpointSettings;
import dev.tallrec.endpoint.Usage;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import dev.tallrec.rec.Taste;
import dev.tallrec.text.Instruction;
import dev.tallrec.text.PromptTemplate;
import dev.tallrec.train.TrainingStoppedException;
import dev.tallrec.tune.RunListener;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;

/** Models behind an endpoint, asked the same questions, alone or after solved examples. */
final class EndpointCells implements CellRunner {

  private static final int AT_A_TIME = 8;
  private static final String MODEL = "endpoint_model";
  private static final String API = "endpoint_api";

  private final Optional<EndpointAccess> access;
  private final DataSets sets;
  private final RunListener listener;
  private final BooleanSupplier stop;

  EndpointCells(
      Optional<EndpointAccess> access, DataSets sets, RunListener listener, BooleanSupplier stop) {
    this.access = access;
    this.sets = sets;
    this.listener = listener;
    this.stop = stop;
  }

  @Override
  public Optional<String> missing(Grid.Cell cell) {
    return access.isEmpty()
        ? Optional.of("needs a server: give its address with --endpoint")
        : Optional.empty();
  }

  @Override
  public void check(Grid.Cell cell) throws IOException {
    Demonstrations.check(cell, Set.of(MODEL, API));
    if (access.isPresent()) {
      settings(cell, access.get());
    }
    sets.check(cell, false);
  }

  /** Which model, asked how, and where: what another server calls the same may be another. */
  @Override
  public Map<String, String> sources(Grid.Cell cell) throws IOException {
    if (access.isEmpty()) {
      return Map.of();
    }
    EndpointSettings settings = settings(cell, access.get());
    return Map.of(
        "endpoint", settings.url().toString(),
        "model", settings.model(),
        "api", settings.api().name());
  }

  private static EndpointSettings settings(Grid.Cell cell, EndpointAccess server)
      throws IOException {
    String model = cell.settings().getOrDefault(MODEL, server.settings().model());
    Api api = api(cell, server);
    try {
      return server.settings(model, api);
    } catch (IllegalArgumentException e) {
      throw new IOException("variant %s: %s".formatted(cell.variant(), e.getMessage()), e);
    }
  }

  @Override
  public Measured run(Grid.Cell cell, Path directory) throws IOException, TrainingStoppedException {
    EndpointAccess server = access.orElseThrow();
    Map<String, double[]> scores = new LinkedHashMap<>();
    List<String> remarks = new ArrayList<>();
    try (EndpointClient client =
        new EndpointClient(settings(cell, server), server.key(), server.cache())) {
      for (String name : cell.test()) {
        RecData data = sets.get(name);
        List<String> prompts = prompts(cell, data);
        listener.message("  %s: about %s".formatted(client, describe(client.estimate(prompts))));
        List<Taste> tastes = ask(client, name, prompts);
        scores.put(name, tastes.stream().mapToDouble(Taste::score).toArray());
        long silent = tastes.stream().filter(taste -> taste.yes() + taste.no() == 0).count();
        if (silent > 0) {
          remarks.add(
              "%s: %d of %d answers on %s are neither Yes nor No"
                  .formatted(cell.variant(), silent, tastes.size(), name));
        }
      }
      remarks.add("%s: %s, %s".formatted(cell.variant(), client, describe(client.usage())));
    }
    return new Measured(scores, List.of(), remarks, OptionalDouble.empty());
  }

  private static Api api(Grid.Cell cell, EndpointAccess server) throws IOException {
    String own = cell.settings().get(API);
    try {
      return own == null ? server.settings().api() : Api.valueOf(own.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new IOException(
          "variant %s: endpoint_api: %s is none of completions, chat, chat_text"
              .formatted(cell.variant(), own),
          e);
    }
  }

  private static List<String> prompts(Grid.Cell cell, RecData data) throws IOException {
    PromptTemplate template = PromptTemplate.PAPER;
    String head =
        Demonstrations.candidates(cell, data).stream()
            .limit(Demonstrations.count(cell))
            .map(solved -> template.prompt(solved) + solved.output() + "\n\n")
            .collect(Collectors.joining());
    return data.test().stream()
        .map(RecExample::text)
        .map((Instruction question) -> head + template.prompt(question))
        .toList();
  }

  private List<Taste> ask(EndpointClient client, String name, List<String> prompts)
      throws IOException, TrainingStoppedException {
    ExecutorService pool = Executors.newFixedThreadPool(AT_A_TIME);
    try {
      List<Future<Answer>> answers = new ArrayList<>();
      for (String prompt : prompts) {
        answers.add(pool.submit(() -> client.ask(prompt)));
      }
      listener.begin("asking about " + name, prompts.size());
      List<Taste> tastes = new ArrayList<>();
      for (Future<Answer> answer : answers) {
        TrainingStoppedException.throwIf(stop, "stopped");
        Answer given = answer.get();
        tastes.add(new Taste(given.yes(), given.no()));
        listener.advance(tastes.size(), "$%.4f".formatted(client.usage().dollars()));
      }
      listener.end();
      return tastes;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof EndpointException failure) {
        throw new IOException(
            failure.getMessage() + ". Answers so far are kept and will not be paid for again.",
            failure);
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while asking " + client);
    } finally {
      pool.shutdownNow();
    }
  }

  private static String describe(Usage usage) {
    return "%,d questions, %,d more from the cache, %,d + %,d tokens, $%.4f"
        .formatted(
            usage.asked(),
            usage.fromCache(),
            usage.inputTokens(),
            usage.outputTokens(),
            usage.dollars());
  }
}
