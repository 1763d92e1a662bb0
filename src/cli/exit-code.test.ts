import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorKinds, type ErrorCode } from '../core/errors.ts';
import { exitCodes, exitOfAnswer } from './exit-code.ts';

test('the exit codes are the ones that scripts rely on', () => {
  assert.deepEqual(
    { ...exitCodes },
    { ok: 0, failed: 1, usage: 2, difference: 3, unauthenticated: 4, notFound: 5, conflict: 6, invalid: 7, network: 8, refused: 9 },
  );
});

const expected: Readonly<Record<ErrorCode, number>> = {
  BAD_REQUEST: 7,
  INVALID_EVENT: 7,
  INVALID_FILTER: 7,
  UNAUTHENTICATED: 4,
  CREDENTIAL_REVOKED: 4,
  FORBIDDEN: 9,
  SUBSCRIPTION_INACTIVE: 9,
  NOT_FOUND: 5,
  CHANNEL_NOT_FOUND: 5,
  METHOD_NOT_ALLOWED: 7,
  NOT_ACCEPTABLE: 7,
  REQUEST_TIMEOUT: 8,
  DURATION_OVER: 9,
  CONFLICT: 6,
  READER_TAKEN: 6,
  POSITION_LOST: 5,
  PRECONDITION_FAILED: 6,
  PRECONDITION_REQUIRED: 6,
  TOO_LARGE: 7,
  URI_TOO_LONG: 7,
  UNSUPPORTED_MEDIA_TYPE: 7,
  EVENT_REJECTED: 7,
  INVALID_CONFIGURATION: 7,
  INVALID_CONTRACT: 7,
  LIMIT_REACHED: 9,
  TOO_SLOW: 9,
  HEADERS_TOO_LARGE: 7,
  INTERNAL: 1,
  BACKBONE_UNAVAILABLE: 8,
  OVERLOADED: 8,
  RESTARTING: 8,
  STORE_FULL: 1,
};

for (const [code, exit] of Object.entries(expected)) {
  test(`${code} ends a command with ${exit}`, () => {
    assert.equal(exitCodes[exitOfAnswer(errorKinds[code as ErrorCode].status, code)], exit);
  });
}

test('an answer without a code we know counts by its status', () => {
  for (const [status, exit] of [
    [401, 4],
    [403, 9],
    [404, 5],
    [409, 6],
    [418, 7],
    [429, 9],
    [500, 1],
    [502, 8],
    [503, 8],
  ] as const) {
    assert.equal(exitCodes[exitOfAnswer(status, 'toString')], exit, String(status));
  }
});
