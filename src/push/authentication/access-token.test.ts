import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Outcome } from '../../outgoing/outcome.ts';
import { readAccessToken } from './access-token.ts';

function answered(body: string | Uint8Array, status = 200): Outcome {
  return {
    kind: 'answered',
    status,
    headers: {},
    body: Buffer.from(body as string),
    truncated: undefined,
    timings: { totalMs: 1 },
    remoteAddress: '192.0.2.1',
    reused: false,
    resent: false,
  };
}

describe('The answer of a token server', () => {
  it('is a token that a header can carry, for at most a day, or a sentence, whatever it is', () => {
    const members = fc.record(
      {
        access_token: fc.oneof(fc.string({ unit: 'binary' }), fc.base64String(), fc.jsonValue()),
        token_type: fc.oneof(fc.constantFrom('Bearer', 'bearer', 'mac'), fc.jsonValue()),
        expires_in: fc.oneof(fc.double(), fc.string(), fc.jsonValue()),
        error: fc.oneof(fc.constantFrom('invalid_client', 'toString', '__proto__'), fc.string()),
      },
      { requiredKeys: [] },
    );
    const bodies = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ unit: 'binary' }),
      members.map((one) => JSON.stringify(one)),
      fc.json(),
    );
    fc.assert(
      fc.property(bodies, fc.integer({ min: 200, max: 599 }), (body, status) => {
        const read = readAccessToken(answered(body, status));
        if (typeof read === 'string') {
          assert.match(read, /^The (answer of the )?token server [ -~]+\.$/);
          return;
        }
        assert.match(read.text, /^[!-~]{1,8192}$/);
        assert.ok(read.lifetime >= 0 && read.lifetime <= 86_400_000);
        assert.ok(status < 300);
      }),
      { numRuns: 300 },
    );
  });

  it('is quoted by the words of the specification alone', () => {
    for (const [error, sentence] of [
      ['invalid_client', 'The token server answered 400 (invalid_client).'],
      ['hunter2', 'The token server answered 400.'],
      [['invalid_client'], 'The token server answered 400.'],
    ] as const)
      assert.equal(readAccessToken(answered(JSON.stringify({ error }), 400)), sentence);
  });
});
