/** A secret or an id that cannot sign webhooks. The message is a sentence for whoever configured it and never holds the secret. */
export class StandardWebhookError extends Error {
  override readonly name = 'StandardWebhookError';
}
