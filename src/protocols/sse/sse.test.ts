import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mutations, pieces, seededRandom, testSeed } from '../../testing/hostile-input.ts';
import { computingTime } from '../../testing/computing-time.ts';
import { encodeSseComment, encodeSseEvent, encodeSseRetry } from './encode.ts';
import { encodeSseGap } from './gap.ts';
import { SseParser, SseTooLargeError } from './sse-parser.ts';
import type { SseMessage } from './sse-parser.ts';

const bound = 1_000_000;

function parse(stream: Uint8Array | string): SseMessage[] {
  return new SseParser(bound).feed(Buffer.from(stream));
}

function parseInPieces(stream: Uint8Array, cut: Iterable<Uint8Array>): SseMessage[] {
  const parser = new SseParser(bound);
  const messages: SseMessage[] = [];
  for (const piece of cut) messages.push(...parser.feed(piece));
  assert.deepEqual(messages, parse(stream));
  return messages;
}

const bytesOf = (stream: Uint8Array): Uint8Array[] => [...stream].map((byte) => Uint8Array.of(byte));

describe('encoding an event stream', () => {
  it('writes one block per event', () => {
    const block = encodeSseEvent({ id: 'abc-1', event: 'order', data: '{"a":1}', retry: 1500 });
    assert.equal(block.toString('utf8'), 'id: abc-1\nevent: order\nretry: 1500\ndata: {"a":1}\n\n');
    assert.equal(encodeSseEvent({ data: '' }).toString('utf8'), 'data: \n\n');
  });

  it('gives every client the data with all line breaks as LF', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('\r', '\n', '\r\n', 'a', ' ', ':', 'data: x', '\0', 'é', '😀', '\ufeff')),
        fc.string(),
        (parts, id) => {
          const text = parts.join('');
          const safeId = id.replace(/[\r\n\0]/g, '');
          const stream = encodeSseEvent({ id: safeId, data: Buffer.from(text) });
          assert.deepEqual(parse(stream), [{ event: 'message', data: text.replace(/\r\n|\r/g, '\n'), id: safeId }]);
          assert.deepEqual(parseInPieces(stream, bytesOf(stream)).length, 1);
        },
      ),
    );
  });

  it('keeps its framing whatever bytes come', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const stream = Buffer.concat([encodeSseEvent({ id: '1', data: bytes }), encodeSseEvent({ id: '2', data: 'next' })]);
        const messages = parse(stream);
        assert.deepEqual(
          messages.map(({ id }) => id),
          ['1', '2'],
        );
        assert.equal(
          messages[0]?.data,
          Buffer.from(bytes)
            .toString('utf8')
            .replace(/\r\n|\r/g, '\n'),
        );
      }),
    );
  });

  it('leaves JSON with line breaks between its tokens valid', () => {
    const [message] = parse(encodeSseEvent({ data: '{\r\n"a":\r[1,\n2]}' }));
    assert.deepEqual(JSON.parse(message?.data ?? ''), { a: [1, 2] });
  });

  it('refuses fields that would break it', () => {
    for (const bad of ['a\nb', 'a\rb', 'a\0b']) {
      assert.throws(() => encodeSseEvent({ id: bad, data: '' }), RangeError);
      assert.throws(() => encodeSseEvent({ event: bad, data: '' }), RangeError);
    }
    for (const bad of [-1, 1.5, Number.NaN, Infinity]) assert.throws(() => encodeSseRetry(bad), RangeError);
  });

  it('has comments and retry without an event', () => {
    assert.equal(encodeSseComment('still\r\nhere').toString('utf8'), ': still here\n\n');
    assert.deepEqual(parse(encodeSseComment('x')), []);
    const parser = new SseParser(bound);
    assert.deepEqual(parser.feed(encodeSseRetry(250)), []);
    assert.equal(parser.retry, 250);
  });

  it('tells a gap under the position after it', () => {
    const [message] = parse(encodeSseGap({ after: 'abc-1', upTo: 'abc-9', events: 8, reason: 'dropped' }));
    assert.deepEqual([message?.event, message?.id], ['sluice.gap', 'abc-9']);
    assert.deepEqual(JSON.parse(message?.data ?? ''), { after: 'abc-1', upTo: 'abc-9', events: 8, reason: 'dropped' });
  });
});

describe('the event stream parser', () => {
  it('follows the standard case by case', () => {
    const cases: [string, string, Partial<SseMessage>[]][] = [
      ['the three line ends', 'data: a\n\ndata: b\r\rdata: c\r\n\r\n', [{ data: 'a' }, { data: 'b' }, { data: 'c' }]],
      ['one leading space taken off, no more', 'data:  a\n\ndata:b\n\n', [{ data: ' a' }, { data: 'b' }]],
      ['several data lines', 'data: a\ndata\ndata: b\n\n', [{ data: 'a\n\nb' }]],
      ['an event without data is not given', 'event: x\nid: 7\n\ndata: a\n\n', [{ data: 'a', event: 'message', id: '7' }]],
      ['empty data are given', 'data\n\ndata:\n\n', [{ data: '' }, { data: '' }]],
      ['a byte order mark, once', '\ufeffdata: a\n\n\ufeffdata: b\n\n', [{ data: 'a' }]],
      ['comments and unknown fields', ': c\nfoo: bar\n:\ndata: a\nDATA: b\n data: c\n\n', [{ data: 'a' }]],
      ['event names reset', 'event: x\ndata: a\n\ndata: b\n\n', [{ event: 'x' }, { event: 'message' }]],
      ['ids stay', 'id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n', [{ id: '1' }, { id: '1' }, { id: '' }]],
      ['an id with NUL is ignored', 'id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n', [{ id: '1' }, { id: '1' }]],
      ['a colon in the value', 'data: a: b\n\n', [{ data: 'a: b' }]],
      ['an unfinished event is not given', 'data: a\n', []],
      ['an unfinished line is not given', 'data: a\n\ndata: b\n\ndat', [{ data: 'a' }, { data: 'b' }]],
      ['invalid UTF-8 is replaced', 'data: \ud800\n\n', [{ data: '\ufffd' }]],
    ];
    for (const [name, stream, expected] of cases) {
      const messages = parse(stream);
      assert.equal(messages.length, expected.length, name);
      for (const [index, message] of messages.entries()) assert.deepEqual({ ...message, ...expected[index] }, message, name);
    }
  });

  it('takes retry from digits only and bounds it to what a timer can hold', () => {
    const cases: [string, number | undefined][] = [
      ['10', 10],
      ['', undefined],
      ['-1', undefined],
      ['1.5', undefined],
      ['1e3', undefined],
      ['٣', undefined],
      ['9'.repeat(400), 2_147_483_647],
    ];
    for (const [value, retry] of cases) {
      const parser = new SseParser(bound);
      parser.feed(Buffer.from(`retry: ${value}\n`));
      assert.equal(parser.retry, retry, value);
    }
  });

  it('counts an id only once its block is complete', () => {
    const parser = new SseParser(bound);
    parser.feed(Buffer.from('id: 1\n\nid: 2\ndata: x\n'));
    assert.equal(parser.lastEventId, '1');
    parser.feed(Buffer.from('\n'));
    assert.equal(parser.lastEventId, '2');
  });

  it('does not take a CRLF cut in two for two line ends', () => {
    const parser = new SseParser(bound);
    assert.deepEqual(parser.feed(Buffer.from('data: a\r')), []);
    assert.deepEqual(parser.feed(Buffer.from('\n')), []);
    assert.deepEqual(parser.feed(Buffer.from('data: b\r\n')), []);
    assert.deepEqual(
      parser.feed(Buffer.from('\r')).map(({ data }) => data),
      ['a\nb'],
    );
  });

  it('reads the same from any cut, damaged or not', () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    const sample = Buffer.from('\ufeff: hi\r\nid: é\nevent: x\ndata: a😀\r\ndata: b\r\rretry: 5\ndata\n\nid: 2\0\ndata:  c\n\n');
    for (const stream of [sample, ...mutations(sample, 500, random)]) {
      try {
        parseInPieces(stream, bytesOf(stream));
        parseInPieces(stream, pieces(stream, 9, random));
      } catch (thrown) {
        throw new Error(`seed ${seed}`, { cause: thrown });
      }
    }
  });

  it('refuses an event past its bound, in one line or many, fed whole or byte by byte', () => {
    const streams = [`data: ${'a'.repeat(200)}`, 'data: aaaaaaaa\n'.repeat(30), `:${'c'.repeat(200)}`];
    for (const stream of streams) {
      assert.throws(() => new SseParser(100).feed(Buffer.from(stream)), SseTooLargeError);
      const parser = new SseParser(100);
      assert.throws(() => {
        for (const byte of Buffer.from(stream)) parser.feed(Uint8Array.of(byte));
      }, SseTooLargeError);
    }
    assert.equal(new SseParser(100).feed(Buffer.from(`data: ${'a'.repeat(80)}\n\n`.repeat(50))).length, 50);
  });

  it('gives the events before one that is too large first', () => {
    const parser = new SseParser(100);
    const stream = Buffer.from(`id: 1\ndata: a\n\ndata: ${'b'.repeat(200)}\n\n`);
    assert.deepEqual(parser.feed(stream), [{ event: 'message', data: 'a', id: '1' }]);
    assert.throws(() => parser.feed(Buffer.from('\n')), SseTooLargeError);
  });

  it('needs linear time for single bytes', () => {
    const parser = new SseParser(4_000_000);
    const computed = computingTime();
    for (let count = 0; count < 1_000_000; count += 1) parser.feed(Uint8Array.of(0x61));
    assert.ok(computed() < 3000);
  });
});
