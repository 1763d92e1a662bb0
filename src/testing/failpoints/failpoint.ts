import { writeSync } from 'node:fs';

/** Where a Sluice can be made to die, and what has and has not happened by then. */
export const failpoints = {
  'publish-parsed': 'events are read and checked, and nothing of them is on disk',
  'publish-committed': 'events are on disk, and neither their publisher nor any courier is told',
  'publish-answered': 'the publisher has its 202, and no courier has seen the events',
  'slice-read': 'a courier has a slice of the log and has taken nothing of it',
  'slot-taken': 'an attempt has its slot and nothing is on the socket',
  'request-sent': 'the whole request is on the socket, and no answer is there',
  'answer-received': 'a 2xx is there, and nobody has written it down',
  'results-collected': 'attempts, cursors and bills are collected, and nothing of them is with the writer',
  'results-committed': 'attempts, cursors and bills are on disk, and the books do not know',
  'group-begun': 'the writer has begun a group commit',
  'group-between-statements': 'the writer has run some statements of a group',
  'group-complete': 'the writer has run all statements of a group and not its COMMIT',
  'group-committed': "the writer's COMMIT has returned, and nobody is told",
  'gone-received': 'the result of a 410 is collected and not with the writer',
  'gone-committed': 'the result of a 410 is on disk',
  'start-answered': 'a person was told that a stopped endpoint is started, and the books do not know',
  'rotation-asked': 'a new secret is made and not with the writer',
  'rotation-committed': 'a new secret is on disk, who asked is not told, and couriers sign with the old one',
  'rotation-answered': 'who asked has the new secret, and couriers begin to sign with it',
  'redrive-within-page': 'some dead letters of a redrive are handed out again, and others are not read yet',
  'replay-answered': 'who asked for a replay has its id, and nothing of it is sent',
  'replay-under-way': 'a replayed event was answered 2xx, and nobody has written it down',
  'deletion-asked': 'an endpoint is to be deleted, and the writer does not know',
  'deletion-committed': 'an endpoint is deleted on disk, and its courier goes on',
  'deletion-forgetting': 'the courier of a deleted endpoint has ended, and what it left is on disk',
  'retention-due': 'old attempts are to be deleted, and the writer does not know',
  'retention-committed': 'some old attempts are deleted',
  'opening-keys': 'the file of the secret key is being made',
  'opening-structure': 'the database is opened for the first time and is given its structure',
} as const;

export type FailpointName = keyof typeof failpoints;

/** Of these each is passed only when a folder is opened for the first time. */
export const isOfOpening = (name: FailpointName): boolean => name.startsWith('opening');

/** These are in the thread that writes. */
export const isOfWriter = (name: FailpointName): boolean => name.startsWith('group') || name === 'opening-structure';

/** The one place where this process is to die, and how often it is passed before that; also in each of its threads. */
export class ArmedFailpoint {
  readonly name: FailpointName | undefined;
  #passings: number;

  constructor(name: FailpointName | undefined, passings: number) {
    this.name = name;
    this.#passings = passings;
  }

  /** As `variableOf` wrote it; without one it never dies. */
  static of(env: Readonly<Record<string, string | undefined>>): ArmedFailpoint {
    const [name, passings = '1'] = (env['SLUICE_FAILPOINT'] ?? '').split(' ');
    return new ArmedFailpoint(name === '' ? undefined : (name as FailpointName), Number(passings));
  }

  static variableOf(name: FailpointName, passings: number): Readonly<Record<string, string>> {
    return { SLUICE_FAILPOINT: `${name} ${passings}` };
  }

  /** Whether the next passing of this place is the last. */
  isNext(name: FailpointName): boolean {
    return this.name === name && this.#passings <= 1;
  }

  /** Returns only when it is another place, or not yet the time. */
  pass(name: FailpointName): void {
    if (this.name !== name) return;
    this.#passings -= 1;
    if (this.#passings > 0) return;
    writeSync(2, `${lastWords}${name}\n`);
    process.kill(process.pid, 'SIGKILL');
  }
}

/** What stands before the name of the place in the last line a process writes to stderr. */
export const lastWords = 'killed at ';
