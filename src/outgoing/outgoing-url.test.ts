import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AddressGuard } from './address-guard.ts';
import { checkOutgoingUrl, type OutgoingUrl, type UrlRules } from './outgoing-url.ts';

const guard = new AddressGuard();

function accepted(text: string, rules: Partial<UrlRules> = {}): OutgoingUrl {
  const checked = checkOutgoingUrl(text, { guard, ...rules });
  assert.ok('url' in checked, 'refusal' in checked ? checked.refusal.sentence : '');
  return checked.url;
}

function refusal(text: string, rules: Partial<UrlRules> = {}): string {
  const checked = checkOutgoingUrl(text, { guard, ...rules });
  assert.ok('refusal' in checked, `${text} is refused`);
  return checked.refusal.sentence;
}

describe('a URL to be called', () => {
  test('is taken apart, its fragment left out', () => {
    assert.deepEqual(accepted('https://Hooks.Example.COM:8443/a/b?c=d&e#f'), {
      origin: 'https://hooks.example.com:8443',
      isSecure: true,
      host: 'hooks.example.com',
      port: 8443,
      path: '/a/b?c=d&e',
    });
    assert.deepEqual(accepted('http://[2606:4700:4700::1111]'), {
      origin: 'http://[2606:4700:4700::1111]',
      isSecure: false,
      host: '2606:4700:4700::1111',
      port: 80,
      path: '/',
    });
  });

  test('WS-S7: keeps its query as it is', () => {
    assert.equal(accepted('http://example.com/cb?a=1&a=2&b=%20+x&hub.mode=y').path, '/cb?a=1&a=2&b=%20+x&hub.mode=y');
  });

  test('loses the dot at the end of its host, which would get by a list of names and certificates', () => {
    assert.deepEqual(
      [accepted('https://example.com./').host, accepted('https://example.com./').origin],
      ['example.com', 'https://example.com'],
    );
  });

  test('has its host in the form of the name system', () => {
    assert.equal(accepted('https://bücher.example/').host, 'xn--bcher-kva.example');
  });

  test('CE-1: has to be https where that is asked', () => {
    assert.equal(refusal('http://example.com/', { httpsOnly: true }), 'The URL has to begin with https.');
    accepted('https://example.com/', { httpsOnly: true });
  });

  test('has one of the ports that are allowed', () => {
    const ports = [443, 8443];
    accepted('https://example.com/', { ports });
    accepted('https://example.com:8443/', { ports });
    assert.equal(refusal('http://example.com/', { ports }), 'Port 80 is not called.');
    assert.equal(refusal('https://example.com:22/', { ports }), 'Port 22 is not called.');
  });

  test('never has its credentials repeated in the refusal', () => {
    assert.doesNotMatch(refusal('https://user:secret@example.com/'), /secret/);
  });

  test('may lead to a private name the operator opened, and its addresses are judged all the same', () => {
    const openedNames = ['docker.internal', 'metadata.google.internal'];
    accepted('http://host.docker.internal:3000/', { openedNames });
    assert.match(refusal('http://host.notdocker.internal/', { openedNames }), /private network/);
    assert.match(refusal('http://metadata.google.internal/', { openedNames }), /never called/);
  });

  test('may be localhost where the operator opened a loopback address', () => {
    for (const opened of ['127.0.0.0/8', '::1']) accepted('http://localhost:3000/', { guard: new AddressGuard([opened]) });
    assert.match(
      refusal('http://localhost:3000/', { guard: new AddressGuard(['10.0.0.0/8']) }),
      /this machine itself.*sluice up --open-outgoing\.$/,
    );
  });
});
