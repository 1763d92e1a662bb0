import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CliError } from '../exit-code.ts';
import { binaryPublication, publicationOf, publicationsOfLines } from './publication.ts';

const event = { specversion: '1.0', id: '1', source: '/s', type: 't' };

describe('a JSON document', () => {
  test('is sent byte for byte when it is plain data', () => {
    const text = '{ "big": 12345678901234567890,\n "x": 1.0 }';
    assert.deepEqual(publicationOf(text, {}), { contentType: 'application/json', body: text });
  });

  test('is sent as an event when attributes are given, its data untouched', () => {
    const { contentType, body } = publicationOf('{"big":12345678901234567890}', { type: 't', subject: 's' });
    assert.equal(contentType, 'application/cloudevents+json');
    assert.match(String(body), /"data":\{"big":12345678901234567890\}\}$/);
    const { id, time, ...rest } = JSON.parse(String(body)) as Record<string, unknown>;
    assert.match(String(id), /^[0-9a-f-]{36}$/);
    assert.ok(!Number.isNaN(Date.parse(String(time))));
    assert.deepEqual(
      { ...rest, data: undefined },
      { specversion: '1.0', source: '/sluice/cli', type: 't', subject: 's', datacontenttype: 'application/json', data: undefined },
    );
  });

  test('is recognised as an event, whose attributes can be replaced and whose numbers stay exact', () => {
    const text = '{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"n":1.10,"big":12345678901234567890}}';
    const { contentType, body } = publicationOf(text, { id: '2' });
    assert.equal(contentType, 'application/cloudevents+json');
    assert.match(String(body), /"id":"2".*"n":1\.10,"big":12345678901234567890/);
  });

  test('is recognised as a batch, and other arrays as data', () => {
    assert.equal(publicationOf(JSON.stringify([event, event]), {}).contentType, 'application/cloudevents-batch+json');
    assert.equal(publicationOf('[1,2]', {}).contentType, 'application/json');
    assert.equal(publicationOf('[]', {}).contentType, 'application/json');
  });

  test('is refused when it is no JSON, lacks a type, or names several events by one id', () => {
    assert.throws(
      () => publicationOf('{', {}),
      (error: unknown) => error instanceof CliError && error.exit === 'invalid',
    );
    assert.throws(() => publicationOf('{}', { subject: 's' }), /needs --type/);
    assert.throws(() => publicationOf(JSON.stringify([event]), { id: '1' }), /--id names one event/);
  });
});

describe('lines', () => {
  test('that are events go as batches of at most 100, in order', () => {
    const lines = Array.from({ length: 250 }, (_, index) => JSON.stringify({ ...event, id: String(index) }));
    const publications = publicationsOfLines(lines, {}, 1);
    assert.deepEqual(
      publications.map(({ contentType }) => contentType),
      Array.from({ length: 3 }, () => 'application/cloudevents-batch+json'),
    );
    const ids = publications.flatMap(({ body }) => (JSON.parse(String(body)) as { id: string }[]).map(({ id }) => id));
    assert.deepEqual(
      ids,
      lines.map((_, index) => String(index)),
    );
  });

  test('that are large are not gathered into one huge request', () => {
    const lines = Array.from({ length: 4 }, () => JSON.stringify({ ...event, data: 'x'.repeat(200 * 1024) }));
    assert.equal(publicationsOfLines(lines, {}, 1).length, 2);
  });

  test('that are plain data go one by one between the events around them', () => {
    const publications = publicationsOfLines([JSON.stringify(event), '{"a":1}', JSON.stringify(event)], {}, 1);
    assert.deepEqual(
      publications.map(({ contentType }) => contentType),
      ['application/cloudevents-batch+json', 'application/json', 'application/cloudevents-batch+json'],
    );
  });

  test('that are broken are named by their number', () => {
    assert.throws(() => publicationsOfLines(['{}', '{}', 'nope'], {}, 41), /Line 43 is not JSON/);
  });
});

test('data of another media type goes as it is, its attributes as headers that any text survives in', () => {
  const data = Buffer.from([0, 255, 10]);
  const { headers, body } = binaryPublication(data, 'application/octet-stream', { type: 't', id: 'Grüße "1" 100%', source: '/s' });
  assert.equal(body, data);
  assert.equal(headers?.['ce-id'], 'Gr%C3%BC%C3%9Fe%20%221%22%20100%25');
  assert.equal(headers?.['ce-specversion'], '1.0');
  assert.throws(() => binaryPublication(data, 'text/plain', {}), /needs --type/);
});
