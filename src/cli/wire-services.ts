import type { Administration } from '../control/administration.ts';
import type { Log } from '../observe/log.ts';
import type { UrlRules } from '../outgoing/outgoing-url.ts';
import { openHub, type WebSub } from './wire-hub.ts';
import { openInbound, type Inbound } from './wire-inbound.ts';
import { openPush, type Push } from './wire-push.ts';
import type { Foundation, GatewayParts, SluiceOptions } from './wire.ts';

interface ServiceParts {
  readonly foundation: Foundation;
  readonly parts: GatewayParts;
  readonly administration: Administration;
  readonly options: Pick<SluiceOptions, 'publicUrl' | 'keepDeadLetters'>;
  /** What may be called. */
  readonly rules: UrlRules;
  readonly log: Log;
}

/** What calls others, and is called by those who are no clients: push, other providers' webhooks, the hub. */
export interface OutwardServices {
  readonly push: Push;
  readonly inbound: Inbound;
  readonly hub: WebSub;
}

/** Each is closed by what it adds to `closers`. */
export async function openServices(
  { foundation, parts, administration, options, rules, log }: ServiceParts,
  closers: (() => unknown)[],
): Promise<OutwardServices> {
  const { publicUrl, keepDeadLetters } = options;
  const push = await openPush({ foundation, parts, rules, publicUrl, keepDeadLetters, log });
  closers.push(() => push.close());
  const inbound = await openInbound({ foundation, parts, push, log });
  closers.push(() => inbound.close());
  const hub = await openHub({ foundation, parts, push, administration, log });
  closers.push(() => hub.close());
  return { push, inbound, hub };
}
