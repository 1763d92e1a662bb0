import { genericHmac, type GenericHmacOptions } from './generic-hmac.ts';
import { presets } from './presets.ts';
import { ProviderWebhookError } from './provider-webhook-error.ts';
import type { ProviderWebhook } from './provider-webhook.ts';

/** The preset of a provider that none of the named ones is. */
export const hmacPreset = 'hmac';

/** Everything a source's preset may be. */
export const presetNames: readonly string[] = [...presets.keys(), hmacPreset];

/** The provider a preset stands for; throws ProviderWebhookError for a name or a style that stands for none. */
export function providerOf(preset: string, hmac: GenericHmacOptions | undefined): ProviderWebhook {
  if (preset === hmacPreset && hmac !== undefined) return genericHmac(hmac);
  const found = presets.get(preset);
  if (found === undefined) throw new ProviderWebhookError(`There is no preset ${JSON.stringify(preset.slice(0, 60))} with these options.`);
  return found;
}
