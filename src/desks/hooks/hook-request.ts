import type { DeskRequest } from '../../core/desk.ts';
import { GatewayError } from '../../core/errors.ts';

/** What a platform wants to be called about. */
export interface HookRequest {
  readonly url: string;
  /** Event type. */
  readonly event: string;
  /** Address or pattern, where the type alone does not say which channel is meant. */
  readonly address: string | undefined;
  /** Id of the subscription, where there are several. */
  readonly subscription: string | undefined;
}

/** Names platforms have for the same thing; the first that is there counts. */
const urlNames = ['target_url', 'targetUrl', 'hookUrl', 'hook_url', 'callback_url', 'callbackUrl', 'url'];
const eventNames = ['event', 'event_type', 'eventType', 'type'];

const longestText = 4096;

/** Reads the body of a `POST`: JSON or a form, with the names resthooks.org, Zapier and others use. Throws BAD_REQUEST. */
export function readHookRequest({ headers, body }: DeskRequest): HookRequest {
  const fields = fieldsOf(String(headers['content-type'] ?? ''), Buffer.from(body).toString());
  const url = textAt(fields, urlNames);
  const event = textAt(fields, eventNames);
  if (url === undefined || event === undefined) {
    const missing = url === undefined ? 'target_url: where events go to' : 'event: the type of the events';
    throw new GatewayError('BAD_REQUEST', `The body lacks ${missing}. Send {"target_url": "https://…", "event": "…"}.`);
  }
  return { url, event, address: textAt(fields, ['address', 'channel']), subscription: textAt(fields, ['subscription']) };
}

function fieldsOf(contentType: string, text: string): ReadonlyMap<string, unknown> {
  if (/^application\/x-www-form-urlencoded\b/i.test(contentType)) return new Map(new URLSearchParams(text));
  if (!/^application\/([a-z0-9.+-]*\+)?json\b/i.test(contentType) && contentType !== '')
    throw new GatewayError('UNSUPPORTED_MEDIA_TYPE', 'Send the hook as application/json or application/x-www-form-urlencoded.');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new GatewayError('BAD_REQUEST', 'The body is not JSON. Send {"target_url": "https://…", "event": "…"}.', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new GatewayError('BAD_REQUEST', 'The body must be a JSON object: {"target_url": "https://…", "event": "…"}.');
  return new Map(Object.entries(value));
}

function textAt(fields: ReadonlyMap<string, unknown>, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = fields.get(name);
    if (value === undefined || value === null || value === '') continue;
    if (typeof value !== 'string' || value.length > longestText)
      throw new GatewayError('BAD_REQUEST', `The member ${name} must be text of at most ${longestText} characters.`);
    return value;
  }
  return undefined;
}
