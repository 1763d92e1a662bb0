import type { Placed } from '../../core/backbone.ts';
import type { GatewayError } from '../../core/errors.ts';
import type { Event, EventDraft, Gap, WireFormat } from '../../core/event.ts';
import type { LimitStatus } from '../../core/policy.ts';
import type { Credential } from '../../core/entrypoint.ts';
import { GatewayError as Refusal } from '../../core/errors.ts';
import { CloudEventError } from '../../protocols/cloudevents/cloud-event-error.ts';
import { decodeStructured } from '../../protocols/cloudevents/structured.ts';
import { encodeDeflatedTextFrame, encodeTextFrame } from '../../protocols/websocket/encode-frame.ts';
import { encodeGapFrame } from '../../protocols/websocket/gap.ts';
import { deflateMessage } from '../../protocols/websocket/permessage-deflate.ts';
import { ClientOpError, parseClientOp, type Ref } from '../../protocols/websocket/sluice-v1-client-op.ts';
import { encodeAcceptedOp, encodeErrorOp, encodeGapOp, encodeLimitsOp, encodeRenewedOp } from '../../protocols/websocket/sluice-v1.ts';
import { eventJson } from '../event-json.ts';

/** What a client asked for in one message. */
export type ClientRequest =
  | { readonly op: 'publish'; readonly ref: Ref | undefined; readonly address: string | undefined; readonly events: readonly EventDraft[] }
  | { readonly op: 'ack'; readonly position: string }
  | { readonly op: 'renew'; readonly credential: Credential }
  | { readonly op: 'limits' };

/** How a subprotocol reads what clients say and says what there is to say between events. Frames are whole. */
export interface Dialect {
  readonly format: WireFormat;
  /** The same for clients that agreed on permessage-deflate: each event is compressed once, for all of them. */
  readonly deflatedFormat: WireFormat;
  /** Throws GatewayError; `refOf` finds whom to answer. */
  parse(message: Buffer, maxEvents: number): ClientRequest;
  refOf(error: unknown): Ref | undefined;
  accepted(ref: Ref | undefined, placed: readonly Placed[]): Buffer | undefined;
  limits(limits: readonly LimitStatus[], until?: number): Buffer | undefined;
  renewed(): Buffer | undefined;
  error(error: GatewayError, ref: Ref | undefined): Buffer;
}

const opHead = Buffer.from('{"op":"event","event":');
const opTail = Buffer.from('}');

const plainFormat: WireFormat = {
  name: 'websocket',
  encode: (event: Event) => encodeTextFrame(event.frame(eventJson)),
  encodeGap: (gap: Gap) => encodeGapFrame(gap),
};

const opFormat: WireFormat = {
  name: 'websocket-sluice-v1',
  encode: (event: Event) => encodeTextFrame(opPayload(event)),
  encodeGap: (gap: Gap) => encodeGapOp(gap),
};

const deflatedPlainFormat = deflated(plainFormat, (event) => event.frame(eventJson));
const deflatedOpFormat = deflated(opFormat, opPayload);

function opPayload(event: Event): Buffer {
  return Buffer.concat([opHead, event.frame(eventJson), opTail]);
}

/** What compressing does not pay for goes out in the very bytes that clients without it get; messages say one by one whether they are compressed. */
function deflated(format: WireFormat, payloadOf: (event: Event) => Buffer): WireFormat {
  return {
    name: `${format.name}-deflate`,
    encode: (event) => {
      const payload = deflateMessage(payloadOf(event));
      return payload === undefined ? event.frame(format) : encodeDeflatedTextFrame(payload);
    },
    encodeGap: (gap) => format.encodeGap(gap),
  };
}

/** Subprotocol `cloudevents.json` or none: one event per text frame, both ways. What is no event is said as one of type `dev.sluice.…`. */
export const cloudEventsDialect: Dialect = {
  format: plainFormat,
  deflatedFormat: deflatedPlainFormat,
  parse: (message) => {
    try {
      return { op: 'publish', ref: undefined, address: undefined, events: [decodeStructured(message)] };
    } catch (error) {
      if (error instanceof CloudEventError)
        throw new Refusal('INVALID_EVENT', `Not a valid CloudEvent: ${error.message}`, { details: { path: error.path }, cause: error });
      throw error;
    }
  },
  refOf: () => undefined,
  accepted: () => undefined,
  limits: (limits, until) =>
    until === undefined ? undefined : notice('dev.sluice.limit', { limits, until: new Date(until).toISOString() }),
  renewed: () => undefined,
  error: (error) => notice('dev.sluice.error', error.toProblem()),
};

/** Subprotocol `sluice.v1.json`: objects with an `op`. */
export const sluiceDialect: Dialect = {
  format: opFormat,
  deflatedFormat: deflatedOpFormat,
  parse: (message, maxEvents) => {
    try {
      return parseClientOp(message, maxEvents);
    } catch (error) {
      if (!(error instanceof ClientOpError)) throw error;
      throw new Refusal(error.invalidEvent ? 'INVALID_EVENT' : 'BAD_REQUEST', error.message, {
        details: { path: error.path },
        cause: error,
      });
    }
  },
  refOf: (error) => (error instanceof Refusal && error.cause instanceof ClientOpError ? error.cause.ref : undefined),
  accepted: (ref, placed) =>
    encodeAcceptedOp(
      ref,
      placed.map(({ position }) => position),
      placed.filter(({ duplicate }) => duplicate).length,
    ),
  limits: (limits, until) => encodeLimitsOp(limits, until === undefined ? undefined : new Date(until)),
  renewed: () => encodeRenewedOp(),
  error: (error, ref) => encodeErrorOp(error.toProblem(), ref),
};

let notices = 0;

function notice(type: string, data: Readonly<Record<string, unknown>>): Buffer {
  notices += 1;
  const id = `${Date.now().toString(36)}-${notices}`;
  return encodeTextFrame(
    Buffer.from(
      JSON.stringify({
        specversion: '1.0',
        id,
        source: '/sluice',
        type,
        time: new Date().toISOString(),
        datacontenttype: 'application/json',
        data,
      }),
    ),
  );
}
