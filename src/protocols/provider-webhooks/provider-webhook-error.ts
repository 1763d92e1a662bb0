/** A style or a secret that cannot sign. The message is a sentence for whoever configured it and never holds the secret. */
export class ProviderWebhookError extends Error {
  override readonly name = 'ProviderWebhookError';
}
