import type { ProviderWebhook } from '../../protocols/provider-webhooks/provider-webhook.ts';
import { providerOf } from '../../protocols/provider-webhooks/provider-of.ts';
import type { Resource } from '../../store/resources.ts';

/** A source as requests meet it, at one version: its provider, and its secrets unsealed. */
export class OpenedSource {
  readonly resource: Resource<'source'>;
  readonly provider: ProviderWebhook;
  readonly #secrets: readonly { readonly text: string; readonly expiresAt: number }[];

  constructor(resource: Resource<'source'>, open: (sealed: string) => string) {
    const { preset, hmac, secrets } = resource.spec;
    this.resource = resource;
    this.provider = providerOf(preset, hmac);
    this.#secrets = secrets.map(({ sealed, expiresAt = Infinity }) => ({ text: open(sealed), expiresAt }));
  }

  /** All that are believed at a wall time in milliseconds, the newest first. */
  secrets(now: number): readonly string[] {
    return this.#secrets.filter(({ expiresAt }) => expiresAt > now).map(({ text }) => text);
  }
}
