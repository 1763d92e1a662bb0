import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { isObject, type JsonObject } from '../client/json.ts';

/** One real webhook payload and where it belongs. */
export interface Payload {
  /** GitHub's name of the event: `issues`, `pull_request`, … */
  readonly kind: string;
  /** Address under the API: `repos/{owner}/{repo}/{kind}`. */
  readonly address: string;
  readonly source: string;
  readonly data: JsonObject;
}

/** The kinds of event that the contract in examples/github has a channel for. */
export const eventKinds = [
  'push',
  'issues',
  'issue_comment',
  'pull_request',
  'pull_request_review',
  'release',
  'star',
  'fork',
  'workflow_run',
  'check_run',
  'deployment',
  'create',
] as const;

/** The payloads of those kinds that `@octokit/webhooks-examples` ships, in its order. */
export async function loadPayloads(): Promise<readonly Payload[]> {
  const file = createRequire(import.meta.url).resolve('@octokit/webhooks-examples');
  const groups = JSON.parse(await readFile(file, 'utf8')) as readonly { readonly name: string; readonly examples: readonly JsonObject[] }[];
  const wanted = groups.filter(({ name }) => eventKinds.some((kind) => kind === name));
  return wanted.flatMap(({ name, examples }) => examples.map((data) => payload(name, data)));
}

function payload(kind: string, data: JsonObject): Payload {
  const { repository } = data;
  const fullName = isObject(repository) ? String(repository['full_name']) : 'unknown/unknown';
  return { kind, address: `repos/${fullName}/${kind}`, source: `https://github.com/${fullName}`, data };
}

/** The payload as a new event: the same content happens again, under an id of its own. */
export function eventOf(payload: Payload, now: number): JsonObject {
  const subject = subjectOf(payload.data);
  return {
    specversion: '1.0',
    id: randomUUID(),
    source: payload.source,
    type: `com.github.${payload.kind}`,
    ...(subject === undefined ? {} : { subject }),
    time: new Date(now).toISOString(),
    datacontenttype: 'application/json',
    data: payload.data,
  };
}

function subjectOf(data: JsonObject): string | undefined {
  for (const name of ['pull_request', 'issue']) {
    const member = data[name];
    if (isObject(member) && typeof member['number'] === 'number') return `#${member['number']}`;
  }
  return typeof data['ref'] === 'string' && data['ref'] !== '' ? data['ref'] : undefined;
}
