import { createHash } from 'node:crypto';
import { checkCore } from '../cloudevents/attributes.ts';
import { CloudEventError } from '../cloudevents/cloud-event-error.ts';
import type { CloudEvent } from '../cloudevents/cloud-event.ts';
import { parseMediaType } from '../cloudevents/content-type.ts';
import { kindOfBytes } from '../cloudevents/data.ts';
import { isTimestamp } from '../cloudevents/timestamp.ts';
import { optionalHeader, type WebhookHeaders } from '../standard-webhooks/one-header.ts';

/** What a provider says of an event; its optional parts are left out of the event where CloudEvents does not allow them. */
export interface EventParts {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string | undefined;
  /** RFC 3339, or Unix seconds with or without a fraction. */
  readonly time?: string | undefined;
  readonly datacontenttype: string | undefined;
  readonly data: Uint8Array;
}

/** The event, checked. Throws CloudEventError, also when the data are declared to be JSON and are not. */
export function providerEvent({ id, source, type, subject, time, datacontenttype, data }: EventParts): CloudEvent {
  checkCore('id', id);
  checkCore('source', source);
  checkCore('type', type);
  const kept = { subject: isAllowed(subject) ? subject : undefined, time: timeOf(time), datacontenttype };
  if (data.byteLength === 0) return { id, source, type, ...kept, extensions: {}, data: undefined, dataKind: 'json' };
  return { id, source, type, ...kept, extensions: {}, data, dataKind: kindOfBytes(data, datacontenttype) };
}

/** An id for what brings none: the same bytes have the same one, so that another attempt is recognised. */
export function digestId(...pieces: readonly (string | Uint8Array)[]): string {
  const digest = createHash('sha256');
  for (const piece of pieces) digest.update(piece).update('\0');
  return digest.digest('base64url');
}

/** The first of these that is there, and not empty. */
export function firstOf(...texts: readonly (string | undefined)[]): string | undefined {
  return texts.find((text) => text !== undefined && text !== '');
}

/** The parts of an event type that a provider names, with dots between; throws CloudEventError when one is missing or no plain name. */
export function eventType(...names: readonly (string | undefined)[]): string {
  for (const name of names) {
    if (name === undefined || !/^[A-Za-z0-9_.-]{1,128}$/.test(name)) {
      throw new CloudEventError('type', 'the request does not name the kind of its event in letters, digits, dots, _ and -');
    }
  }
  return names.join('.');
}

/** A text as one part of a URI path, whatever it holds. */
export function uriPart(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** The Content-Type of a request; undefined when it is missing or malformed. */
export function contentType(headers: WebhookHeaders): string | undefined {
  const value = optionalHeader(headers, 'content-type');
  return value === undefined || parseMediaType(value) === undefined ? undefined : value;
}

/** Whether a body is a form (`application/x-www-form-urlencoded`). */
export function isForm(type: string | undefined): boolean {
  return type !== undefined && parseMediaType(type)?.essence === 'application/x-www-form-urlencoded';
}

/** RFC 3339 for a time in that form or in Unix seconds; undefined for anything else. */
function timeOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,11}(?:\.\d{1,9})?$/.test(text)) return isTimestamp(text) ? text : undefined;
  const milliseconds = Math.round(Number(text) * 1000);
  const written = new Date(milliseconds).toISOString();
  return isTimestamp(written) ? written : undefined;
}

function isAllowed(subject: string | undefined): boolean {
  if (subject === undefined) return false;
  try {
    checkCore('subject', subject);
    return true;
  } catch (thrown) {
    if (thrown instanceof CloudEventError) return false;
    throw thrown;
  }
}
