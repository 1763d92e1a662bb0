import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { distributionHeaders, readDistributionStatus } from './distribution.ts';
import { parseHubRequest } from './hub-request.ts';
import { parseLinks } from './links.ts';
import { publishBody } from './publisher.ts';
import { checkSignature } from './signature.ts';

const body = Buffer.from([0x7b, 0xff, 0x7d]);
const distribution = {
  hubs: ['https://hub.example/websub'],
  self: 'https://publisher.example/feed',
  contentType: 'Text/HTML; Charset=ISO-8859-1 ',
  body,
  secret: undefined,
  method: 'sha256',
} as const;

describe('A content distribution request', () => {
  it("WS-C1: has the topic's Content-Type to the letter", () => {
    assert.equal(distributionHeaders(distribution)['Content-Type'], 'Text/HTML; Charset=ISO-8859-1 ');
    assert.equal(distributionHeaders({ ...distribution, contentType: undefined })['Content-Type'], 'application/octet-stream');
  });

  it('WS-C2: names hub and topic in one Link header', () => {
    assert.deepEqual(parseLinks(distributionHeaders(distribution)['Link']), [
      { target: 'https://hub.example/websub', rels: ['hub'] },
      { target: 'https://publisher.example/feed', rels: ['self'] },
    ]);
  });

  it('WS-A1: is signed when there is a secret, and not when there is none (websub.rocks 100, 101)', () => {
    assert.equal('X-Hub-Signature' in distributionHeaders(distribution), false);
    for (const method of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
      const signature = distributionHeaders({ ...distribution, secret: 's3cret', method })['X-Hub-Signature'];
      assert.ok(signature?.startsWith(`${method}=`));
      assert.equal(checkSignature(signature, body, ['s3cret']), 'valid');
    }
  });

  it('WS-C3: succeeds with 2xx, is the last with 410, and fails with anything else, be it a redirect', () => {
    for (const status of [200, 201, 202, 204, 299]) assert.equal(readDistributionStatus(status), 'delivered');
    assert.equal(readDistributionStatus(410), 'gone');
    for (const status of [0, 100, 199, 300, 301, 302, 307, 308, 400, 404, 409, 411, 429, 500, 503]) {
      assert.equal(readDistributionStatus(status), 'failed', String(status));
    }
  });
});

describe('The ping of a publisher', () => {
  it('WS-P1: names each topic as every hub expects it', () => {
    const topics = ['https://publisher.example/feed?a=1&b=2', 'https://publisher.example/other'];
    const text = publishBody(topics);
    assert.deepEqual(new URLSearchParams(text).getAll('hub.url'), topics);
    assert.deepEqual(new URLSearchParams(text).getAll('hub.topic'), topics);
    assert.deepEqual(parseHubRequest('application/x-www-form-urlencoded', Buffer.from(text)), { kind: 'publish', topics });
  });
});
