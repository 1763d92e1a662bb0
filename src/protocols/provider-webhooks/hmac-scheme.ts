import { createHmac } from 'node:crypto';
import { oneHeader, optionalHeader } from '../standard-webhooks/one-header.ts';
import { fromBase64, fromHex, sameBytes } from '../standard-webhooks/signature-bytes.ts';
import {
  isRefused,
  matchSecret,
  readTimestamp,
  refused,
  type Believing,
  type Refused,
  type Verdict,
} from '../standard-webhooks/verdict.ts';
import { toWebhookId } from '../standard-webhooks/webhook-id.ts';
import { ProviderWebhookError } from './provider-webhook-error.ts';
import type { OutgoingWebhook, WebhookRequest } from './provider-webhook.ts';
import { parseTemplate, type TemplatePiece } from './signed-template.ts';

export type HmacAlgorithm = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** How a provider signs with a shared secret. Header names as they are sent; received ones are found in any case. */
export interface HmacStyle {
  /** Where the signature stands. */
  readonly header: string;
  /** What precedes the signature in its header, such as `sha256=`. */
  readonly prefix?: string | undefined;
  readonly algorithm: HmacAlgorithm;
  readonly encoding: 'hex' | 'base64';
  /** What the configured text of a secret is; `utf8` when left out. */
  readonly secretEncoding?: 'utf8' | 'hex' | 'base64' | undefined;
  /** Where the time of the signature stands; it is judged only if the template signs it, so the template must. */
  readonly timestampHeader?: string | undefined;
  /** Unit of that time; seconds when left out. */
  readonly timestampUnit?: 's' | 'ms' | undefined;
  /** Where the id of the delivery stands. */
  readonly idHeader?: string | undefined;
  /** What is signed; `{body}` when left out. See `parseTemplate`. */
  readonly template?: string | undefined;
}

const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;
/** Ids that are signed must not hold what a template puts between its parts. */
const signableId = /^[A-Za-z0-9_-]{1,128}$/;
/** Longest signature that is read, in characters: the prefix and 64 bytes in hexadecimal. */
const maxSignatureLength = 256;

/** One style of signing, checked once: signs and verifies. */
export class HmacScheme {
  readonly #style: HmacStyle;
  readonly #template: readonly TemplatePiece[];

  /** Throws ProviderWebhookError for a style that could not be verified safely. */
  constructor(style: HmacStyle) {
    this.#style = style;
    this.#template = parseTemplate(style.template ?? '{body}');
    for (const name of [style.header, style.timestampHeader, style.idHeader]) {
      if (name !== undefined && !headerName.test(name))
        throw new ProviderWebhookError(`${JSON.stringify(name)} is not the name of a header.`);
    }
    if (style.prefix !== undefined && !/^[\x20-\x7e]{0,64}$/.test(style.prefix)) {
      throw new ProviderWebhookError('What precedes a signature is at most 64 printable ASCII characters.');
    }
    const signs = (part: TemplatePiece): boolean => this.#template.includes(part);
    if (signs('{timestamp}') !== (style.timestampHeader !== undefined)) {
      throw new ProviderWebhookError(
        'A header for the timestamp and {timestamp} in the template belong together: a time that is not signed proves nothing.',
      );
    }
    if (signs('{id}') && style.idHeader === undefined) throw new ProviderWebhookError('The template signs {id}, but no header brings it.');
  }

  /** Whether the id in the verdict is covered by the signature. */
  get isIdSigned(): boolean {
    return this.#template.includes('{id}');
  }

  secretFault(secret: string): string | undefined {
    if (secret === '') return 'The secret is empty.';
    if (this.#key(secret) !== undefined) return undefined;
    return this.#style.secretEncoding === 'hex' ? 'The secret is not hexadecimal.' : 'The secret is not base64 with padding.';
  }

  verify({ headers, body }: WebhookRequest, secrets: readonly string[], believing: Believing): Verdict {
    const { timestampHeader, timestampUnit, idHeader } = this.#style;
    const given = this.#signature(headers);
    if (isRefused(given)) return given;
    const time = timestampHeader === undefined ? '' : oneHeader(headers, timestampHeader.toLowerCase());
    if (isRefused(time)) return time;
    const timestamp = timestampHeader === undefined ? undefined : readTimestamp(time, believing, timestampUnit);
    if (isRefused(timestamp)) return timestamp;
    const id = idHeader === undefined ? undefined : optionalHeader(headers, idHeader.toLowerCase());
    if (this.isIdSigned && (id === undefined || !signableId.test(id))) {
      return refused('HEADER_MALFORMED', `The header ${idHeader} must be there once, as 1 to 128 letters, digits, _ and -.`);
    }
    const secret = matchSecret(secrets, (candidate) => {
      const key = this.#key(candidate);
      return key !== undefined && sameBytes(given, this.#digest(key, { id: id ?? '', time, body }));
    });
    return isRefused(secret) ? secret : { ok: true, id, timestamp, secret };
  }

  /** Signs with the first secret: there is room for one signature only. The id is sent as `toWebhookId` makes it. */
  sign(outgoing: OutgoingWebhook, secrets: readonly string[]): Readonly<Record<string, string>> {
    const { header, prefix = '', encoding, timestampHeader, timestampUnit, idHeader } = this.#style;
    const { timestamp, body } = outgoing;
    const id = toWebhookId(outgoing.id);
    const [secret = ''] = secrets;
    const fault = this.secretFault(secret);
    const key = this.#key(secret);
    if (fault !== undefined || key === undefined) throw new ProviderWebhookError(fault ?? 'The secret is malformed.');
    const time = String(timestampUnit === 'ms' ? timestamp * 1000 : timestamp);
    return {
      [header]: `${prefix}${this.#digest(key, { id, time, body }).toString(encoding)}`,
      ...(timestampHeader === undefined ? {} : { [timestampHeader]: time }),
      ...(idHeader === undefined ? {} : { [idHeader]: id }),
    };
  }

  #signature(headers: WebhookRequest['headers']): Buffer | Refused {
    const { header, prefix = '', encoding } = this.#style;
    const value = oneHeader(headers, header.toLowerCase(), maxSignatureLength);
    if (isRefused(value)) return value;
    const text = value.startsWith(prefix) ? value.slice(prefix.length) : undefined;
    if (text === undefined) return refused('NO_KNOWN_SIGNATURE', `The header ${header} holds no signature of this kind: ${prefix}….`);
    const bytes = encoding === 'hex' ? fromHex(text) : fromBase64(text);
    return bytes ?? refused('HEADER_MALFORMED', `The header ${header} does not hold a signature in ${encoding}.`);
  }

  #key(secret: string): Buffer | undefined {
    if (this.#style.secretEncoding === 'hex') return fromHex(secret);
    if (this.#style.secretEncoding === 'base64') return fromBase64(secret);
    return Buffer.from(secret);
  }

  #digest(key: Buffer, { id, time, body }: { readonly id: string; readonly time: string; readonly body: Uint8Array }): Buffer {
    const digest = createHmac(this.#style.algorithm, key);
    for (const piece of this.#template) {
      if (piece === '{body}') digest.update(body);
      else if (piece === '{id}') digest.update(id);
      else digest.update(piece === '{timestamp}' ? time : piece);
    }
    return digest.digest();
  }
}
