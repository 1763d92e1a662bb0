import type { SqlValue, Statement } from '../database.ts';

/** Bytes a statement holds while it waits. */
export function statementBytes({ sql, parameters }: Statement): number {
  let bytes = 64 + sql.length;
  for (const value of parameters) {
    if (typeof value === 'string') bytes += 2 * value.length;
    else if (value instanceof Uint8Array) bytes += value.byteLength;
    else bytes += 8;
  }
  return bytes;
}

/**
 * Copies all blobs of a group into one buffer that may be transferred: the caller's buffers stay the caller's, and a small view
 * on a large buffer does not drag that buffer along, as cloning would.
 */
export function packBlobs(transactions: readonly (readonly Statement[])[]): {
  readonly transactions: readonly (readonly Statement[])[];
  readonly transfer: ArrayBuffer[];
} {
  let bytes = 0;
  for (const statements of transactions) for (const { parameters } of statements) bytes += blobBytes(parameters);
  if (bytes === 0) return { transactions, transfer: [] };
  const buffer = new ArrayBuffer(bytes);
  let offset = 0;
  const place = (value: SqlValue): SqlValue => {
    if (!(value instanceof Uint8Array) || value.byteLength === 0) return value;
    const copy = new Uint8Array(buffer, offset, value.byteLength);
    copy.set(value);
    offset += value.byteLength;
    return copy;
  };
  const packed = transactions.map((statements) =>
    statements.map((statement) =>
      blobBytes(statement.parameters) === 0 ? statement : { ...statement, parameters: statement.parameters.map(place) },
    ),
  );
  return { transactions: packed, transfer: [buffer] };
}

function blobBytes(parameters: readonly SqlValue[]): number {
  let bytes = 0;
  for (const value of parameters) if (value instanceof Uint8Array) bytes += value.byteLength;
  return bytes;
}
