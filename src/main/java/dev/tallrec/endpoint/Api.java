package dev.tallrec.endpoint;

/** What to ask of a server, and so how its answer is read. */
public enum Api {
  /** A text to go on with; the likeliest tokens come with their log-probabilities. */
  COMPLETIONS("/completions"),

  /** A message to reply to; the likeliest tokens come with their log-probabilities. */
  CHAT("/chat/completions"),

  /** A message to reply to, for servers that tell no log-probabilities: Yes and No are 1 or 0. */
  CHAT_TEXT("/chat/completions");

  private final String path;

  Api(String path) {
    this.path = path;
  }

  /** What follows the server's URL. */
  String path() {
    return path;
  }
}
