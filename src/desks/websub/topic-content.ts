import { createHash } from 'node:crypto';
import { GatewayError } from '../../core/errors.ts';
import type { ApiRuntime } from '../../gateway/catalogue.ts';
import type { OutgoingRequest } from '../../outgoing/http-sender.ts';
import type { Outcome } from '../../outgoing/outcome.ts';
import { decodePlain, type PlainAttributes } from '../../protocols/cloudevents/binary.ts';
import type { CloudEvent } from '../../protocols/cloudevents/cloud-event.ts';
import { CloudEventError } from '../../protocols/cloudevents/cloud-event-error.ts';
import type { KnownTopic } from './topic-table.ts';

/** What a look at a topic has found: `again` when it may be different in a moment, `useless` when not. */
export type Look =
  | { readonly kind: 'content'; readonly body: Uint8Array; readonly contentType: string | undefined; readonly known: KnownTopic }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'again' | 'useless'; readonly sentence: string };

const limits = { totalMs: 20_000, answerMs: 15_000, bodyMs: 15_000 };
/** Of events whose channel has no type of its own, or several. */
const contentType = 'org.w3.websub.content';
const longestHeader = 1_024;

/** GETs a topic through the guarded door, if it has changed; redirects are not followed. Of at most `maxBytes`. */
export async function lookAt(
  known: KnownTopic,
  {
    send,
    signal,
    maxBytes,
  }: { readonly send: (request: OutgoingRequest) => Promise<Outcome>; readonly signal: AbortSignal; readonly maxBytes: number },
): Promise<Look> {
  const headers: (readonly [string, string])[] = [['accept', '*/*']];
  if (known.etag !== undefined) headers.push(['if-none-match', known.etag]);
  if (known.lastModified !== undefined) headers.push(['if-modified-since', known.lastModified]);
  const outcome = await send({ url: known.topic, method: 'GET', headers, limits: { ...limits, maxBodyBytes: maxBytes }, signal });
  if (outcome.kind === 'failed') return { kind: outcome.class === 'blocked' ? 'useless' : 'again', sentence: outcome.sentence };
  const { status, body, truncated } = outcome;
  if (status === 304) return { kind: 'unchanged' };
  if (status !== 200) return { kind: status >= 500 || status === 429 ? 'again' : 'useless', sentence: `The topic answered ${status}.` };
  if (truncated === 'limit') return { kind: 'useless', sentence: `The topic has more than ${maxBytes} bytes.` };
  if (truncated !== undefined) return { kind: 'again', sentence: 'The topic broke off.' };
  const header = (name: string): string | undefined => single(outcome.headers[name]);
  if (!/^(identity)?$/i.test(header('content-encoding') ?? ''))
    return { kind: 'useless', sentence: 'The topic is encoded, which was not asked for.' };
  const type = header('content-type');
  const hash = createHash('sha256')
    .update(`${type ?? ''}\n`)
    .update(body)
    .digest('hex');
  if (body.length === 0 || hash === known.hash) return { kind: 'unchanged' };
  const next = { ...known, etag: header('etag'), lastModified: header('last-modified'), hash, contents: known.contents + 1 };
  return { kind: 'content', body, contentType: type, known: next };
}

/**
 * Publishes what was found as an event of the topic's channel, as the API's provider. Its id is made of the content and its number, so that
 * it is the same event when it is found again after a crash. Throws what the contract or the log has against it.
 */
export async function publishContent(
  api: ApiRuntime,
  address: string,
  { body, contentType: type, known }: Extract<Look, { kind: 'content' }>,
  now: number,
): Promise<void> {
  const channel = api.contract.find(address);
  if (channel === undefined) throw new GatewayError('CHANNEL_NOT_FOUND', `The contract of ${api.resource.name} has no channel ${address}.`);
  const attributes: PlainAttributes = {
    id: `${known.contents}-${known.hash}`,
    source: known.topic,
    type: api.contract.defaultType(channel, 'provider') ?? contentType,
    time: new Date(now).toISOString(),
  };
  const event = eventOf(body, type, attributes);
  const [violation] = api.contract.check(channel, event, 'provider') ?? [];
  if (violation !== undefined)
    throw new GatewayError(
      'EVENT_REJECTED',
      `The contract refuses the topic's content${violation.path === '' ? '' : ` at ${violation.path}`}: ${violation.sentence}`,
    );
  await api.backbone.publish({ log: api.log, address }, [event]);
}

/** Content whose type no event may have goes as bytes. */
function eventOf(body: Uint8Array, type: string | undefined, attributes: PlainAttributes): CloudEvent {
  try {
    return decodePlain(body, type, attributes);
  } catch (error) {
    if (error instanceof CloudEventError) return decodePlain(body, 'application/octet-stream', attributes);
    throw error;
  }
}

function single(value: string | readonly string[] | undefined): string | undefined {
  const text = typeof value === 'string' ? value : value?.[0];
  return text !== undefined && text.length > longestHeader ? undefined : text;
}
