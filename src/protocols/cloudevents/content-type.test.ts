import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bodyForm, isJsonType, isTextType, isUtf8Charset, parseMediaType } from './content-type.ts';

describe('parseMediaType', () => {
  it('reads essence and parameters, quoted or not', () => {
    const media = parseMediaType('Application/Vnd.Api+JSON ; Charset=UTF-8;\tq="a\\"b;c" ;');
    assert.equal(media?.essence, 'application/vnd.api+json');
    assert.deepEqual(
      [...(media?.parameters ?? [])],
      [
        ['charset', 'UTF-8'],
        ['q', 'a"b;c'],
      ],
    );
  });

  it('refuses what is no media type', () => {
    for (const bad of [
      '',
      'xyz',
      'a/',
      '/b',
      'a/b/c',
      'a /b',
      'a/b c',
      'a/b;c',
      'a/b;c=',
      'a/b;c="',
      'a/b;c="\\',
      'a/b;c=d;C=e',
      'a/b, c/d',
      ' a/b',
      'a/b\n',
      'é/b',
    ]) {
      assert.equal(parseMediaType(bad), undefined, bad);
    }
    assert.equal(parseMediaType(`a/${'b'.repeat(2000)}`), undefined);
  });
});

describe('kinds of media types', () => {
  const kinds = (text: string): boolean[] => {
    const media = parseMediaType(text);
    assert.ok(media);
    return [isJsonType(media), isTextType(media), isUtf8Charset(media)];
  };

  it('are told by subtype and suffix', () => {
    assert.deepEqual(kinds('application/json'), [true, false, true]);
    assert.deepEqual(kinds('text/json; charset=utf-16'), [true, true, false]);
    assert.deepEqual(kinds('image/svg+xml'), [false, true, true]);
    assert.deepEqual(kinds('application/jsonl'), [false, false, true]);
    assert.deepEqual(kinds('text/plain; charset="US-ASCII"'), [false, true, true]);
  });
});

describe('bodyForm', () => {
  it('tells structured, batch and plain bodies apart, and CloudEvents formats that are not read', () => {
    const cases: [string | undefined, string][] = [
      [undefined, 'plain'],
      ['application/json', 'plain'],
      ['not a type', 'plain'],
      ['application/cloudevents+json', 'structured'],
      ['Application/CloudEvents+JSON; charset=UTF-8', 'structured'],
      ['application/cloudevents-batch+json', 'batch'],
      ['application/cloudevents-batch+json;charset=utf-8', 'batch'],
      ['application/cloudevents+json; charset=utf-16', 'foreign'],
      ['application/cloudevents+avro', 'foreign'],
      ['application/cloudevents', 'foreign'],
      ['application/cloudevents+json; charset', 'foreign'],
    ];
    for (const [contentType, form] of cases) assert.equal(bodyForm(contentType), form, contentType);
  });
});
