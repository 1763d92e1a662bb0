/** A small seeded generator (mulberry32), so that a failure can be repeated from the seed it prints. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The seed of this run: `SEED` when it is set, else a new one. */
export function testSeed(): number {
  return process.env['SEED'] === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(process.env['SEED']);
}

/** Copies of the input with one to four bytes changed, removed, doubled or put in. */
export function* mutations(input: Uint8Array, count: number, random: () => number): Generator<Buffer> {
  for (let made = 0; made < count; made += 1) {
    let bytes = Buffer.from(input);
    for (let change = 0; change <= random() * 3; change += 1) bytes = mutate(bytes, random);
    yield bytes;
  }
}

/** The input cut into random pieces of 1 to `maxPiece` bytes. */
export function pieces(input: Uint8Array, maxPiece: number, random: () => number): Uint8Array[] {
  const cut: Uint8Array[] = [];
  for (let at = 0; at < input.byteLength;) {
    const end = Math.min(input.byteLength, at + 1 + Math.floor(random() * maxPiece));
    cut.push(input.subarray(at, end));
    at = end;
  }
  return cut;
}

const telling = Buffer.from('"\\{}[]:,\0\r\n\u007f0-e%\u00ff', 'latin1');

function mutate(bytes: Buffer, random: () => number): Buffer<ArrayBuffer> {
  const at = Math.floor(random() * (bytes.length + 1));
  const byte = random() < 0.5 ? Math.floor(random() * 256) : (telling[Math.floor(random() * telling.length)] as number);
  const kind = random();
  if (kind < 0.4) return Buffer.concat([bytes.subarray(0, at), Buffer.of(byte), bytes.subarray(at + 1)]);
  if (kind < 0.6) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
  if (kind < 0.8) return Buffer.concat([bytes.subarray(0, at), Buffer.of(byte), bytes.subarray(at)]);
  const end = Math.min(bytes.length, at + 1 + Math.floor(random() * 8));
  return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
}
