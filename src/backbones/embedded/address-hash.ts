/** A 48-bit number that stands for an address in an index. Addresses may share one, so the address itself is always compared too. Stored: never to change. */
export function addressHash(address: string): number {
  let a = 0x811c9dc5;
  let b = 0x2f0b4c47;
  for (let index = 0; index < address.length; index++) {
    const unit = address.charCodeAt(index);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x5bd1e995);
  }
  return ((a ^ (a >>> 15)) >>> 0) * 0x10000 + ((b ^ (b >>> 16)) & 0xffff);
}
