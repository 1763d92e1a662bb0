import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { WebSocketProtocolError } from './protocol-error.ts';

const extensionName = 'permessage-deflate';

/** Least payload in bytes that is compressed: below it compressing costs more than the bytes it saves are worth. */
const minBytes = 1024;
/** Most: compressing holds up everybody else, about a millisecond for this much. */
const maxBytes = 256 * 1024;
/** 4 KiB of window compress events of these sizes as well as 32 KiB, and clients that ask for less than the most can be served the same frames. */
const windowBits = 12;

/** Every message ends with these four bytes, which are not sent (RFC 7692, section 7.2.1). */
const tail = Buffer.of(0x00, 0x00, 0xff, 0xff);

/** An element of Sec-WebSocket-Extensions; a parameter without value is `true`. */
interface Offer {
  readonly name: string;
  readonly parameters: readonly (readonly [name: string, value: string | true])[];
}

/**
 * Answers the offers in Sec-WebSocket-Extensions (RFC 7692, section 7.1): the value of the same header in the answer, or undefined when
 * nothing fit is offered. Neither side keeps a context between messages. Throws WebSocketProtocolError when the header is malformed.
 */
export function acceptDeflate(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  for (const offer of parseOffers(header)) {
    const answer = offer.name === extensionName ? answerTo(offer) : undefined;
    if (answer !== undefined) return answer;
  }
  return undefined;
}

/** The payload of a compressed message; undefined when it is better sent as it is. */
export function deflateMessage(payload: Uint8Array): Buffer | undefined {
  if (payload.byteLength < minBytes || payload.byteLength > maxBytes) return undefined;
  const deflated = deflateRawSync(payload, { level: 1, windowBits, finishFlush: constants.Z_SYNC_FLUSH });
  const length = deflated.length - tail.length;
  return length < payload.byteLength ? deflated.subarray(0, length) : undefined;
}

/** What a compressed message says (section 7.2.2). Throws WebSocketProtocolError: 1009 for more than `maxMessageBytes`, 1007 for what cannot be inflated. */
export function inflateMessage(payload: Uint8Array, maxMessageBytes: number): Buffer {
  try {
    return inflateRawSync(Buffer.concat([payload, tail]), { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: maxMessageBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new WebSocketProtocolError(1009, `A message has more than ${maxMessageBytes} bytes once inflated.`);
    throw new WebSocketProtocolError(1007, 'A compressed message cannot be inflated.');
  }
}

/** Undefined: declined, as an offer with a parameter that is unknown, doubled, wrong or cannot be kept must be (section 7). */
function answerTo({ parameters }: Offer): string | undefined {
  const seen = new Set<string>();
  let answer = `${extensionName}; server_no_context_takeover; client_no_context_takeover`;
  for (const [name, value] of parameters) {
    if (seen.has(name)) return undefined;
    seen.add(name);
    switch (name) {
      case 'server_no_context_takeover':
      case 'client_no_context_takeover':
        if (value !== true) return undefined;
        break;
      case 'client_max_window_bits':
        if (value !== true && !isWindowBits(value)) return undefined;
        break;
      case 'server_max_window_bits':
        if (value === true || !isWindowBits(value) || Number(value) < windowBits) return undefined;
        answer += `; server_max_window_bits=${windowBits}`;
        break;
      default:
        return undefined;
    }
  }
  return answer;
}

function isWindowBits(value: string): boolean {
  return /^(?:[89]|1[0-5])$/.test(value);
}

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const offerForm = new RegExp(`^${token}(?:[ \\t]*;[ \\t]*${token}(?:[ \\t]*=[ \\t]*(?:${token}|"${token}"))?)*$`);

/** RFC 6455, section 9.1. A quoted value must be a token too, so no comma or semicolon hides in quotes. */
function parseOffers(header: string): readonly Offer[] {
  return header
    .split(',')
    .map((element) => element.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((element) => element !== '')
    .map((element) => {
      if (!offerForm.test(element)) throw new WebSocketProtocolError(1002, 'Sec-WebSocket-Extensions is not a list of extensions.');
      const [name = '', ...parameters] = element.split(';').map((part) => part.replace(/^[ \t]+|[ \t]+$/g, ''));
      return { name, parameters: parameters.map(parseParameter) };
    });
}

function parseParameter(text: string): readonly [string, string | true] {
  const equals = text.indexOf('=');
  if (equals === -1) return [text, true];
  return [text.slice(0, equals).trimEnd(), text.slice(equals + 1).replace(/^[ \t]*"?|"$/g, '')];
}
