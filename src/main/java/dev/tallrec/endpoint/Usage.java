package dev.tallrec.endpoint;

/**
 * What questions cost.
 *
 * @param asked answers of the server
 * @param fromCache answers kept from earlier, which cost nothing
 * @param inputTokens of the questions asked, without those from the cache
 * @param outputTokens of the answers to them
 * @param dollars for these tokens
 */
public record Usage(
    long asked, long fromCache, long inputTokens, long outputTokens, double dollars) {}
