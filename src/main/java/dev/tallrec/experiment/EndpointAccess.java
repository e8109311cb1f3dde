package dev.tallrec.experiment;

import dev.tallrec.endpoint.Api;
import dev.tallrec.endpoint.EndpointSettings;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A server that the user named, and how to use it.
 *
 * @param settings for variants that name no model and no api of their own
 * @param key that the server wants, if it wants one
 * @param cache directory of the answers
 */
public record EndpointAccess(EndpointSettings settings, Optional<String> key, Path cache) {

  /** The settings with a variant's own model and api. */
  EndpointSettings settings(String model, Api api) {
    return new EndpointSettings(
        settings.url(),
        model,
        api,
        settings.timeout(),
        settings.attempts(),
        settings.requestsPerMinute(),
        settings.dollarsPerMillionInput(),
        settings.dollarsPerMillionOutput());
  }
}
