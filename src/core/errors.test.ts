import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { errorKinds, GatewayError, toGatewayError, type Advice, type ErrorCode } from './errors.ts';

const page = new URL('../../docs/reference/errors.md', import.meta.url);

/** What a client does about each advice. */
const advice: Readonly<Record<Advice, string>> = {
  retry: 'come back at once, then with growing pauses',
  'retry-after': 'come back after `Retry-After`',
  authenticate: 'come back with another credential',
  never: 'do not come back unchanged',
};

/** When each error is seen: what the table's title cannot say. */
const occasions: Readonly<Record<ErrorCode, string>> = {
  BAD_REQUEST: 'A header, parameter, frame or path that is not what the protocol or Sluice allows; the sentence names it.',
  INVALID_EVENT: 'What was sent is no CloudEvent; `path` names the attribute.',
  INVALID_FILTER: '`?filter=` is not a CEL expression over events, or is too large; the sentence has the column.',
  UNAUTHENTICATED: 'There is no credential, or it is not known here.',
  CREDENTIAL_REVOKED: 'The credential was revoked, or replaced and its overlap has passed. Ends open connections too.',
  FORBIDDEN: 'The contract, the subscription or its `allow` does not permit this on this address, or the API is blocked.',
  SUBSCRIPTION_INACTIVE: 'The subscription is pending, paused, rejected or closed. Ends open connections too.',
  NOT_FOUND: 'No API is served at this path, or no resource has this name.',
  CHANNEL_NOT_FOUND: 'The contract has no channel of this address.',
  METHOD_NOT_ALLOWED: 'Channels know GET, POST and OPTIONS; for the rest see `Allow`.',
  NOT_ACCEPTABLE: 'The API does not offer this entrypoint.',
  REQUEST_TIMEOUT: 'The request did not arrive in time.',
  DURATION_OVER: "The plan's duration is over: of the connection, of the window, or for good.",
  CONFLICT: 'Another resource or state stands in the way; the sentence names it.',
  READER_TAKEN: 'Another connection goes on under the same reader name.',
  POSITION_LOST: 'Retention has passed the position, or the log is another one; `oldest` is the oldest position that can be used.',
  PRECONDITION_FAILED: 'The resource was changed since it was read: read it again.',
  PRECONDITION_REQUIRED: 'The request needs `If-Match`.',
  TOO_LARGE: "The body, the event or the batch is larger than allowed, or than the plan's window can ever take.",
  URI_TOO_LONG: 'The URL or the address in it is too long.',
  UNSUPPORTED_MEDIA_TYPE: 'The Content-Type or Content-Encoding is not read here.',
  EVENT_REJECTED: 'The event breaks the contract; `violations` has the path of each.',
  INVALID_CONFIGURATION: 'The configuration cannot work; `problems` has the place of each.',
  INVALID_CONTRACT: 'The contract is not valid; `problems` has line and column of each.',
  LIMIT_REACHED: 'A limit of the plan is used up; `limit`, `quota` and `Retry-After` say which, how much and until when.',
  TOO_SLOW: 'More waited for the client than its plan allows, and the plan disconnects. Come back with the last position.',
  HEADERS_TOO_LARGE: 'The request headers have more than 16 KiB.',
  INTERNAL: 'A mistake of ours; the operator finds the cause in the log.',
  BACKBONE_UNAVAILABLE: 'Events cannot be stored or read at the moment; nothing was accepted.',
  OVERLOADED: 'More is waiting than can be taken; nothing was accepted.',
  RESTARTING: 'The gateway is going down or coming up; resume with the last position.',
  STORE_FULL: 'There is no space left; nothing was accepted, and what was accepted before is whole.',
};

function reference(): string {
  const codes = Object.keys(errorKinds) as ErrorCode[];
  const rows = codes.map((code) => {
    const kind = errorKinds[code];
    return `| \`${code}\` | ${kind.status} | ${kind.close} | ${advice[kind.advice]} | ${occasions[code]} |`;
  });
  return [
    '# Errors',
    '',
    'Every error is an RFC 9457 problem document with a stable `code`: as the body of an HTTP answer, as the data of the SSE event',
    '`sluice.error`, in the operation `error` of the subprotocol `sluice.v1.json`, and as an event of type `dev.sluice.error` on a plain',
    'WebSocket. A WebSocket that ends has the close code of the table. `detail` is a sentence for people and may change; the code is for programs.',
    '',
    '| code | HTTP | WebSocket close | what to do | when |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
    'On SSE an end that may pass carries `retry:` with the time to come back. Where coming back is useless the error has the id `end`:',
    '`EventSource` then sends `Last-Event-ID: end`, is answered 204, and stops.',
    '',
  ].join('\n');
}

describe('errors', () => {
  test('the reference page has every code as it is', async () => {
    if (process.env['UPDATE_REFERENCE'] === '1') await writeFile(page, reference());
    assert.equal(await readFile(page, 'utf8'), reference());
  });

  test('a problem document tells code, status, sentence and when to come back', () => {
    const error = new GatewayError('LIMIT_REACHED', 'Enough for today.', { retryAfter: 1500, details: { limit: 'eventCount' } });
    assert.deepEqual(error.toProblem(), {
      type: 'https://sluice.dev/errors/LIMIT_REACHED',
      title: 'Limit reached',
      status: 429,
      detail: 'Enough for today.',
      code: 'LIMIT_REACHED',
      retryAfter: 2,
      limit: 'eventCount',
    });
  });

  test('a bug is never shown to a client', () => {
    const error = toGatewayError(new TypeError('secret internals'));
    assert.equal(error.code, 'INTERNAL');
    assert.ok(!JSON.stringify(error.toProblem()).includes('secret internals'));
    assert.ok(error.cause instanceof TypeError);
  });
});
