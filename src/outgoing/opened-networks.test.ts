import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openedNetworks } from './opened-networks.ts';
import { checkOutgoingUrl } from './outgoing-url.ts';

test('P15: an operator opens ranges, and names of private networks with all below them', () => {
  const rules = openedNetworks(['10.20.0.0/16', 'svc.cluster.local', 'fd12::/16']);
  const isRefused = (url: string): boolean => 'refusal' in checkOutgoingUrl(url, rules);
  for (const url of ['http://billing.default.svc.cluster.local/', 'http://svc.cluster.local/', 'http://10.20.1.1/', 'http://[fd12::1]/'])
    assert.equal(isRefused(url), false, url);
  for (const url of [
    'http://cluster.local/',
    'http://notsvc.cluster.local/',
    'http://billing.corp/',
    'http://10.21.1.1/',
    'http://metadata.google.internal/',
  ])
    assert.equal(isRefused(url), true, url);
});

test('P15: what would open nothing, or what never is opened, is said', () => {
  for (const [text, sentence] of [
    ['example.com', /no name of a private network; open the range/],
    ['localhost', /open the range/],
    ['metadata.google.internal', /never called/],
    ['10.0.0', /not a range of addresses/],
    ['*.internal', /not a range of addresses/],
    ['', /not a range of addresses/],
  ] as const)
    assert.throws(() => openedNetworks([text]), sentence, text);
});
