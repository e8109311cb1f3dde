package dev.tallrec.endpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** The question as servers expect it. */
final class RequestBody {

  /** More than one, for white space or a quote may precede the answer. */
  static final int MOST_OUTPUT_TOKENS = 3;

  private static final int COMPLETION_LOGPROBS = 5;
  private static final int CHAT_LOGPROBS = 20;
  private static final JsonMapper JSON = new JsonMapper();

  private RequestBody() {}

  static String of(String prompt, EndpointSettings settings) {
    ObjectNode body = JSON.createObjectNode();
    body.put("model", settings.model());
    if (settings.api() == Api.COMPLETIONS) {
      body.put("prompt", prompt);
    } else {
      body.putArray("messages").addObject().put("role", "user").put("content", prompt);
    }
    body.put("max_tokens", MOST_OUTPUT_TOKENS);
    body.put("temperature", 0);
    switch (settings.api()) {
      case COMPLETIONS -> body.put("logprobs", COMPLETION_LOGPROBS);
      case CHAT -> body.put("logprobs", true).put("top_logprobs", CHAT_LOGPROBS);
      case CHAT_TEXT -> {}
    }
    try {
      return JSON.writeValueAsString(body);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }
}
