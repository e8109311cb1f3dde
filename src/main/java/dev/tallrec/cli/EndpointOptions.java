package dev.tallrec.cli;

import dev.tallrec.endpoint.Api;
import dev.tallrec.endpoint.EndpointSettings;
import dev.tallrec.experiment.EndpointAccess;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The server that untuned language models are asked at. */
final class EndpointOptions {

  @Option(
      names = "--endpoint",
      paramLabel = "URL",
      description =
          "OpenAI-compatible server for variants of model endpoint, up to /v1. Its key, if it wants one, is read"
              + " from the environment variable "
              + EndpointSettings.KEY_VARIABLE
              + ".")
  private @Nullable URI url;

  @Option(
      names = "--endpoint-model",
      paramLabel = "NAME",
      description = "Model to ask there (default: ${DEFAULT-VALUE}).")
  private String model = "gpt-3.5-turbo-instruct";

  @Option(
      names = "--endpoint-api",
      description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  private Api api = Api.COMPLETIONS;

  @Option(
      names = "--endpoint-timeout",
      paramLabel = "SECONDS",
      description = "For one answer (default: ${DEFAULT-VALUE}).")
  private int timeout = 60;

  @Option(
      names = "--endpoint-attempts",
      paramLabel = "N",
      description = "How often a question is sent at most (default: ${DEFAULT-VALUE}).")
  private int attempts = 6;

  @Option(
      names = "--endpoint-rate",
      paramLabel = "N",
      description = "Requests a minute at most (default: ${DEFAULT-VALUE}).")
  private double rate = 300;

  @Option(
      names = "--price-input",
      paramLabel = "DOLLARS",
      description = "For a million tokens of questions (default: ${DEFAULT-VALUE}).")
  private double priceInput;

  @Option(
      names = "--price-output",
      paramLabel = "DOLLARS",
      description = "For a million tokens of answers (default: ${DEFAULT-VALUE}).")
  private double priceOutput;

  // Of the command that has these options, for wrong usage.
  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  /**
   * The server, if one is named.
   *
   * @param cache directory of its answers
   * @throws ParameterException if one of these options makes no sense
   */
  Optional<EndpointAccess> access(Path cache) {
    if (url == null) {
      return Optional.empty();
    }
    EndpointSettings settings;
    try {
      settings =
          new EndpointSettings(
              url,
              model,
              api,
              Duration.ofSeconds(timeout),
              attempts,
              rate,
              priceInput,
              priceOutput);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(
          command.commandLine(), "of the endpoint's options, " + e.getMessage(), e);
    }
    return Optional.of(
        new EndpointAccess(
            settings, Optional.ofNullable(System.getenv(EndpointSettings.KEY_VARIABLE)), cache));
  }
}
