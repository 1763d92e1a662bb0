import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mutations, seededRandom, testSeed } from '../../testing/hostile-input.ts';
import { maxExtensions } from './attributes.ts';
import type { CloudEvent } from './cloud-event.ts';
import { CloudEventError } from './cloud-event-error.ts';
import { encodeEvent } from './encode.ts';
import { BatchDecoder, decodeBatch, decodeStructured } from './structured.ts';

const required = '"specversion":"1.0","id":"1","source":"/s","type":"t"';
const decode = (members: string): CloudEvent => decodeStructured(Buffer.from(`{${required},${members}}`));
const dataOf = (event: CloudEvent): string => Buffer.from(event.data ?? []).toString('utf8');

function refuses(members: string, path: string, reason?: RegExp): void {
  assert.throws(
    () => decode(members),
    (thrown) => {
      assert.ok(thrown instanceof CloudEventError, String(thrown));
      assert.equal(thrown.path, path, thrown.message);
      if (reason !== undefined) assert.match(thrown.message, reason);
      return true;
    },
    members,
  );
}

describe('data in a structured event', () => {
  it('keeps JSON byte for byte, white space, escapes and number forms included', () => {
    const data = '{ "a" : 1.0e0,\r\n\t"b":"\\u0041\\/", "n": 12345678901234567890 }';
    const event = decode(`"data": ${data} `);
    assert.equal(event.dataKind, 'json');
    assert.equal(dataOf(event), data);
  });

  it('may be any JSON value, and null is a value', () => {
    for (const data of ['null', 'true', '-0', '"text"', '[]', '""']) {
      const event = decode(`"data":${data}`);
      assert.deepEqual([event.dataKind, dataOf(event)], ['json', data]);
    }
    assert.equal(decode('"subject":"x"').data, undefined);
  });

  it('may come before the content type that explains it', () => {
    const event = decode('"data":"a\\u00e9\\n","datacontenttype":"text/plain"');
    assert.deepEqual([event.dataKind, dataOf(event)], ['text', 'aé\n']);
  });

  it('is text when the content type is not JSON, and must then be a string', () => {
    assert.equal(decode('"datacontenttype":"application/xml","data":"<a/>"').dataKind, 'text');
    assert.equal(decode('"datacontenttype":"application/vnd.x+JSON; a=b","data":"<a/>"').dataKind, 'json');
    for (const data of ['{}', '1', 'null', '[]']) refuses(`"datacontenttype":"text/plain","data":${data}`, 'data');
    refuses('"datacontenttype":"text/plain","data":"\\ud800"', 'data', /surrogate/);
  });

  it('is decoded from data_base64 strictly', () => {
    const event = decode('"datacontenttype":"image\\/png","data_base64":"AP+\\/"');
    assert.deepEqual([event.dataKind, event.data], ['binary', Buffer.from([0, 255, 191])]);
    assert.equal(decode('"data_base64":""').data?.byteLength, 0);
    for (const bad of ['A', 'AA', 'AA=', 'AB==', 'AA==\\n', 'A A=', '-_==', 'AAAA====', 'é'])
      refuses(`"data_base64":"${bad}"`, 'data_base64');
    for (const bad of ['1', '{}', 'true']) refuses(`"data_base64":${bad}`, 'data_base64', /must be a string/);
  });

  it('takes data_base64 of a JSON type as JSON, so that no schema check is passed by', () => {
    const encoded = Buffer.from('{"a":1}').toString('base64');
    const event = decode(`"datacontenttype":"application/json","data_base64":"${encoded}"`);
    assert.deepEqual([event.dataKind, dataOf(event)], ['json', '{"a":1}']);
    refuses('"datacontenttype":"application/json","data_base64":"AAAA"', 'data', /declared to be JSON/);
  });

  it('cannot be given in both ways, but a null data_base64 is unset', () => {
    refuses('"data":1,"data_base64":""', 'data_base64', /exclude/);
    refuses('"data_base64":"","data":null', 'data_base64', /exclude/);
    assert.equal(dataOf(decode('"data":1,"data_base64":null')), '1');
  });
});

describe('attributes of a structured event', () => {
  it('are refused twice, whatever the spelling', () => {
    refuses('"id":"2"', 'id', /more than once/);
    refuses('"\\u0069d":"2"', 'id', /more than once/);
    refuses('"data":1,"data":2', 'data', /more than once/);
    refuses('"ext":null,"ext":1', 'ext', /more than once/);
  });

  it('that are extensions are strings, booleans and 32-bit integers', () => {
    const { extensions } = decode('"a":"x","b":true,"c":-2147483648,"d":2147483647,"e":-0,"f":"","g":null');
    assert.deepEqual(extensions, { a: 'x', b: true, c: -2147483648, d: 2147483647, e: 0, f: '' });
    for (const bad of ['2147483648', '-2147483649', '1.5', '1.0', '1e1', '[]', '{}']) refuses(`"ext":${bad}`, 'ext');
  });

  it('have names of lower-case letters and digits', () => {
    for (const bad of ['aB', 'a_b', 'a-b', '', 'é', '__proto__', 'a'.repeat(65)]) {
      assert.throws(() => decode(`"${bad}":"x"`), { name: 'CloudEventError' }, bad);
    }
    assert.equal(decode(`"${'a'.repeat(64)}":"x","constructor":"y"`).extensions['constructor'], 'y');
  });

  it('are bounded in number', () => {
    const many = (count: number): string => Array.from({ length: count }, (_, index) => `"x${index}":1`).join(',');
    assert.equal(Object.keys(decode(many(maxExtensions)).extensions).length, maxExtensions);
    assert.throws(() => decode(many(maxExtensions + 20)), { name: 'CloudEventError', message: /at most 128 extension/ });
  });

  it('hold no control characters, noncharacters or unpaired surrogates', () => {
    for (const bad of ['\\u0000', '\\n', '\\u007f', '\\u009f', '\\ufffe', '\\ufdd0', '\\ud83f\\udfff', '\\ud800', '\\udc00x']) {
      refuses(`"subject":"a${bad}"`, 'subject', /not allowed/);
      refuses(`"ext":"a${bad}"`, 'ext', /not allowed/);
    }
    assert.equal(decode('"subject":"é \\ud83d\\ude00"').subject, 'é 😀');
  });

  it('are strings where the specification says so', () => {
    for (const bad of ['1', 'true', '[]', '{}']) refuses(`"subject":${bad}`, 'subject', /must be a string/);
  });
});

describe('a structured body', () => {
  it('that is no object, or not JSON, is refused with a sentence', () => {
    for (const bad of [
      '',
      '[]',
      '1',
      'null',
      '"x"',
      '{',
      `{${required}}x`,
      `{${required}},`,
      '\ufeff{}',
      `{${required},"data":${'['.repeat(100_000)}`,
    ]) {
      assert.throws(() => decodeStructured(Buffer.from(bad)), { name: 'CloudEventError', path: '' }, bad.slice(0, 40));
    }
    assert.throws(() => decodeStructured(Buffer.from([0x7b, 0xff, 0x7d])), { name: 'CloudEventError', message: /not UTF-8/ });
  });

  it('never breaks the decoder in another way, cut anywhere or damaged at random, and what it accepts it can write and read again', () => {
    const seed = testSeed();
    const sample = Buffer.from(
      `{${required},"subject":"é","time":"2024-02-29T12:00:00.5+01:00","datacontenttype":"application/json","ext":12,"flag":true,"data":{"a":[1,"\\u00e9",null]}}`,
    );
    const attempt = (bytes: Buffer): void => {
      let event: CloudEvent;
      try {
        event = decodeStructured(bytes);
      } catch (thrown) {
        assert.ok(thrown instanceof CloudEventError, `seed ${seed}: ${String(thrown)} for ${JSON.stringify(bytes.toString('latin1'))}`);
        return;
      }
      assert.deepEqual(decodeStructured(encodeEvent(event)), event, `seed ${seed}`);
    };
    for (let end = 0; end < sample.length; end += 1) {
      assert.throws(() => decodeStructured(sample.subarray(0, end)), { name: 'CloudEventError' });
    }
    for (const bytes of mutations(sample, 10_000, seededRandom(seed))) attempt(bytes);
  });
});

describe('a batch', () => {
  const event = `{${required}}`;

  it('is refused past its bound, naming the first event too many', () => {
    assert.equal(decodeBatch(Buffer.from(`[${event},${event}]`), 2).length, 2);
    assert.throws(() => decodeBatch(Buffer.from(`[${event},${event},${event}]`), 2), {
      name: 'CloudEventError',
      path: '[2]',
      message: /at most 2 events/,
    });
  });

  it('names index and attribute of what is wrong', () => {
    const bad = `{${required},"time":"noon"}`;
    assert.throws(() => decodeBatch(Buffer.from(`[${event},${event},${event},${bad}]`), 9), { path: '[3].time' });
    assert.throws(() => decodeBatch(Buffer.from(`[${event},7]`), 9), { path: '[1]' });
  });

  it('must be an array and nothing more', () => {
    for (const bad of [event, '[', `[${event},]`, `[${event}] x`, `[${event} ${event}]`]) {
      assert.throws(() => decodeBatch(Buffer.from(bad), 9), { name: 'CloudEventError' }, bad);
    }
  });

  it('read in parts of any size gives the same events, or the same complaint', () => {
    const [other, bad] = [`{${required},"subject":"s","data":{"a":[1]}}`, `{${required},"time":"noon"}`];
    const outcome = (decode: () => readonly CloudEvent[]): unknown => {
      try {
        return decode();
      } catch (thrown) {
        assert.ok(thrown instanceof CloudEventError);
        return [thrown.path, thrown.message];
      }
    };
    for (const text of [
      '[]',
      ' [ ] ',
      `[${event}]`,
      `[${event},${other},${event}]`,
      `[${event},${bad}]`,
      `[${event},${event}`,
      '7',
      '',
      `[${event}] x`,
    ]) {
      const body = Buffer.from(text);
      const whole = outcome(() => decodeBatch(body, 3));
      for (const bytes of [1, 7, event.length, 100, 1000]) {
        const inParts = outcome(() => {
          const decoder = new BatchDecoder(body, 3);
          for (let parts = 1; !decoder.readOn(bytes); parts += 1) {
            assert.ok(decoder.events.length >= parts, 'each part reads an event at least');
          }
          return decoder.events;
        });
        assert.deepEqual(inParts, whole, `${text} in parts of ${bytes}`);
      }
    }
  });
});
