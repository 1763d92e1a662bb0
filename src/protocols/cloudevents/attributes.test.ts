import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { computingTime } from '../../testing/computing-time.ts';
import { isTimestamp } from './timestamp.ts';
import { isUri, isUriReference } from './uri.ts';

describe('isTimestamp', () => {
  it('accepts RFC 3339 with days that exist', () => {
    for (const good of [
      '2018-04-05T17:31:00Z',
      '2018-04-05t17:31:00z',
      '0000-01-01T00:00:00Z',
      '9999-12-31T23:59:59.999999999-23:59',
      '2024-02-29T00:00:00Z',
      '2000-02-29T00:00:00Z',
      '2016-12-31T23:59:60Z',
      '2017-01-01T08:59:60+09:00',
      '2016-12-31T15:59:60-08:00',
      '1985-04-12T23:20:50.52Z',
    ]) {
      assert.equal(isTimestamp(good), true, good);
    }
  });

  it('refuses everything else', () => {
    for (const bad of [
      '',
      '2018-04-05',
      '2018-04-05T17:31:00',
      '2018-04-05 17:31:00Z',
      '2018-04-05T24:00:00Z',
      '2018-04-05T17:60:00Z',
      '2018-04-05T17:31:61Z',
      '2018-04-05T17:31:60Z',
      '2016-12-31T23:59:60+01:00',
      '2018-04-31T00:00:00Z',
      '2018-02-29T00:00:00Z',
      '1900-02-29T00:00:00Z',
      '2018-13-01T00:00:00Z',
      '2018-00-01T00:00:00Z',
      '2018-01-00T00:00:00Z',
      '2018-04-05T17:31:00+24:00',
      '2018-04-05T17:31:00+01:60',
      '2018-04-05T17:31:00+0100',
      '2018-04-05T17:31:00.Z',
      '2018-04-05T17:31:00Z ',
      '2018-04-05T17:31:00Z\n',
      '٢018-04-05T17:31:00Z',
      '+2018-04-05T17:31:00Z',
    ]) {
      assert.equal(isTimestamp(bad), false, bad);
    }
  });
});

describe('URIs', () => {
  it('are accepted in every form of RFC 3986', () => {
    for (const good of [
      'https://cloudevents.io',
      'https://user:pw@host:8080/a/b;c=1?q=/?&x#f/?',
      'http://[2001:db8::1]:80/',
      'http://[v1.fe80::a]/',
      'urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66',
      'mailto:a@b.example',
      'file:///etc/hosts',
      'a:',
      'https:/one-slash',
    ]) {
      assert.equal(isUri(good), true, good);
      assert.equal(isUriReference(good), true, good);
    }
    for (const relative of ['#fragment', '/orders', '//authority/path', '../a', 'a/b:c', '?q', '.', 'orders-1', '%20', '//', '/a//b']) {
      assert.equal(isUriReference(relative), true, relative);
      assert.equal(isUri(relative), false, relative);
    }
  });

  it('are refused with characters or forms that RFC 3986 does not have', () => {
    for (const bad of [
      'a b',
      '/é',
      '%',
      '%2',
      '%zz',
      'a#b#c',
      'http://[::1',
      'http://a]b/',
      '/a[0]',
      '1a:b',
      ':a',
      'http://h:port/',
      'http://a@b@c/',
      '<a>',
      '"',
      'a\\b',
      'a^b',
      '{x}',
      'a\n',
    ]) {
      assert.equal(isUriReference(bad), false, bad);
    }
  });

  it('are checked in linear time', () => {
    const computed = computingTime();
    for (const long of [
      'a'.repeat(1e6),
      `//${'a@'.repeat(5e5)}`,
      `//${'%41'.repeat(3e5)}:`,
      `http://${':'.repeat(1e6)}`,
      `//[${':'.repeat(1e6)}`,
    ]) {
      isUriReference(long);
    }
    assert.ok(computed() < 2000);
  });
});
