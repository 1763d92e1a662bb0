import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileChecker } from './event-checker.ts';
import { loadContract } from './load-contract.ts';
import { sampleEvent, type Sample } from './sample-event.ts';

const things = `asyncapi: 3.0.0
info: {title: Things, version: "1"}
channels:
  things:
    address: things
    messages:
      shown:
        name: thing.shown
        payload: {$ref: "#/components/schemas/Thing"}
        examples:
          - {name: wrong, payload: {id: x}}
          - {name: one, payload: {id: 1}}
          - {payload: {id: 2}}
      made: {payload: {$ref: "#/components/schemas/Thing"}, examples: [{payload: {id: x}}]}
      note: {contentType: text/plain, payload: {type: string, maxLength: 5}}
      empty: {}
      avro: {payload: {schemaFormat: "application/vnd.apache.avro;version=1.9.0", schema: {type: int}}}
      avroShown: {payload: {schemaFormat: "application/vnd.apache.avro;version=1.9.0", schema: {type: int}}, examples: [{payload: 3}]}
      picture: {contentType: image/png, payload: {}}
      never: {payload: {type: string, enum: [1]}, examples: [{payload: 2}]}
      taken: {payload: {type: integer}}
operations:
  tell:
    action: send
    channel: {$ref: "#/channels/things"}
    messages: [${['shown', 'made', 'note', 'empty', 'avro', 'avroShown', 'picture', 'never'].map((id) => `{$ref: "#/channels/things/messages/${id}"}`).join(', ')}]
components:
  schemas: {Thing: {type: object, required: [id], properties: {id: {type: integer}, name: {type: string}, place: {type: string, examples: [Oslo, Rome]}, size: {type: integer, examples: [big]}}}}
`;

const contract = await loadContract({ name: 'things.yaml', text: things, files: {} });
const checker = await compileChecker(contract);

async function sampleOf(id: string, seed = 1, turn = 0): Promise<Sample> {
  const [channel] = contract.channels;
  const message = channel?.messages.find((one) => one.id === id);
  assert.ok(channel !== undefined && message !== undefined);
  return sampleEvent({ channel, message, checker, direction: 'send', seed, turn });
}

function dataOf(sample: Sample): unknown {
  assert.ok(sample.ok, sample.ok ? '' : sample.sentence);
  return JSON.parse(Buffer.from(sample.event.data ?? []).toString('utf8'));
}

describe('a sample of a message', () => {
  test('is the first example that holds, then the next, and over again', async () => {
    const sample = await sampleOf('shown');
    assert.deepEqual(dataOf(sample), { id: 1 });
    assert.ok(sample.ok && sample.from === 'example' && sample.example === 'one');
    assert.deepEqual([sample.event.type, sample.event.datacontenttype, sample.event.dataKind], ['thing.shown', 'application/json', 'json']);
    assert.deepEqual(dataOf(await sampleOf('shown', 1, 1)), { id: 2 });
    assert.deepEqual(dataOf(await sampleOf('shown', 1, 2)), { id: 1 });
  });

  test('is made from the schema when no example holds', async () => {
    const sample = await sampleOf('made', 3);
    assert.ok(sample.ok && sample.from === 'schema');
    const { id, name } = dataOf(sample) as Record<string, unknown>;

    assert.ok(Number.isInteger(id) && typeof name === 'string' && name.startsWith('name '));
    assert.deepEqual(await sampleOf('made', 3), sample);
  });

  test('takes the examples of its schemas, unless they break them', async () => {
    const places = new Set<unknown>();
    for (let seed = 0; seed < 20; seed += 1) {
      const { place, size } = dataOf(await sampleOf('made', seed)) as Record<string, unknown>;
      if (place !== undefined) places.add(place);
      assert.ok(size === undefined || Number.isInteger(size));
    }
    assert.ok(places.has('Oslo') && places.has('Rome'), [...places].join());
  });

  test('may be text, or have no data', async () => {
    const text = await sampleOf('note');
    assert.ok(text.ok && text.event.dataKind === 'text' && text.event.datacontenttype === 'text/plain');
    assert.ok((text.event.data?.byteLength ?? 9) <= 5);
    const empty = await sampleOf('empty');
    assert.ok(empty.ok && empty.event.data === undefined && empty.from === 'nothing');
  });

  test('of another schema language is an example or nothing', async () => {
    assert.equal(dataOf(await sampleOf('avroShown')), 3);
    const refused = await sampleOf('avro');
    assert.ok(!refused.ok);
    assert.match(refused.sentence, /avro.*JSON Schema only; give it an example/);
  });

  test('that cannot be made is refused with its cause', async () => {
    const cases = [
      ['picture', /image\/png/],
      ['never', /constants leave no value.*examples do not hold either/],
      ['taken', /no message of the type/],
    ] as const;
    for (const [id, expected] of cases) {
      const sample = await sampleOf(id);
      assert.ok(!sample.ok, id);
      assert.match(sample.sentence, expected);
    }
  });
});
