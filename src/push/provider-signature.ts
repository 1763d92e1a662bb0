import { github, githubSha1 } from '../protocols/provider-webhooks/github.ts';
import type { OutgoingWebhook, ProviderWebhook } from '../protocols/provider-webhooks/provider-webhook.ts';
import { stripe } from '../protocols/provider-webhooks/stripe.ts';
import type { EndpointSpec } from '../store/resources.ts';

/** A format of signatures other than that of Standard Webhooks. */
export type ProviderStyle = NonNullable<EndpointSpec['signature']>['style'];

/** A webhook to be signed, with the type of what it carries. */
export interface SignableWebhook extends OutgoingWebhook {
  readonly eventType: string;
}

/** The headers that sign a webhook at a wall time in milliseconds. */
export type SignAs = (webhook: SignableWebhook, now: number) => readonly (readonly [name: string, value: string])[];

interface Style {
  readonly provider: ProviderWebhook;
  /** Which may have another name. */
  readonly header: string;
  /** Whether there is room for one signature only. */
  readonly isSingle: boolean;
}

const styles: Readonly<Record<ProviderStyle, Style>> = {
  github: { provider: github, header: 'X-Hub-Signature-256', isSingle: true },
  'github-sha1': { provider: githubSha1, header: 'X-Hub-Signature-256', isSingle: true },
  stripe: { provider: stripe, header: 'Stripe-Signature', isSingle: false },
};

/** What is wrong with a secret for a style, as a sentence that does not quote it; undefined when it can sign. */
export function providerSecretFault(style: ProviderStyle, secret: string): string | undefined {
  if (/^wh[sp]k_/.test(secret)) return `The format ${style} has shared secrets only, not keys (whsk_, whpk_).`;
  return styles[style].provider.secretFault(secret);
}

/**
 * Signs in a provider's format; `secrets` are those that are live, the newest first. Where there is room for one signature, the secret
 * that ends first signs, so that receivers have the overlap of a rotation to learn the new one.
 */
export function providerSignature(
  { style, header }: NonNullable<EndpointSpec['signature']>,
  secrets: (now: number) => readonly string[],
): SignAs {
  const { provider, header: usual, isSingle } = styles[style];
  return (webhook, now) => {
    const live = secrets(now);
    if (live.length === 0) return [];
    const signed = provider.sign?.(webhook, isSingle ? live.slice(-1) : live) ?? {};
    const named = Object.entries(signed).map(([name, value]) => [name === usual ? (header ?? usual) : name, value] as const);
    return style === 'stripe' ? named : [['X-GitHub-Event', inHeader(webhook.eventType)], ...named];
  };
}

/** What a header cannot hold in percent-encoding. */
function inHeader(type: string): string {
  return type.replaceAll(/[^!-~]+/gu, (part) => encodeURIComponent(part));
}
