import { exchange, outcomeOf, requestBytes, type Bytes } from './exchange.ts';
import type { HostileCase } from './hostile-case.ts';

export type Header = readonly [string, string];

/** What is sent besides the administrator's token. */
export interface Sent {
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: Bytes;
  readonly headers?: readonly Header[];
}

/** A request below `/api/v1` and its answer. */
export type ManagementRow = readonly [
  name: string,
  method: string,
  path: string,
  sent: Sent,
  status: number,
  code: string | undefined,
  says: RegExp,
];

/** A request of the administrator's as a case. */
export function managementCase([name, method, path, sent, status, code, says]: ManagementRow, door: HostileCase['door']): HostileCase {
  return {
    door,
    name,
    expected: { status, says, ...(code === undefined ? {} : { code }) },
    send: async ({ control, admin }) => {
      const body = sent.body ?? (sent.json === undefined ? '' : JSON.stringify(sent.json));
      const hasBody = body.length > 0;
      const type =
        hasBody && !(sent.headers ?? []).some(([header]) => header === 'content-type')
          ? [['content-type', 'application/json'] as const]
          : [];
      const length = hasBody ? [['content-length', String(Buffer.byteLength(body))] as const] : [];
      const headers = [['authorization', `Bearer ${admin}`] as const, ...type, ...length, ...(sent.headers ?? [])];
      return outcomeOf(await exchange(control, requestBytes(method, `/api/v1${path}`, headers, body)));
    },
  };
}
