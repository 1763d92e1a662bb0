import type { ReadOptions } from '../core/entrypoint.ts';
import { GatewayError } from '../core/errors.ts';
import type { Feed } from '../core/feed.ts';
import type { Meter, ReaderAccount } from '../core/meter.ts';
import type { Position } from '../core/position.ts';
import type { ApiRuntime, BoundSubscription } from './catalogue.ts';
import { withinHorizon } from './horizon.ts';
import type { LostReaders } from './lost-readers.ts';
import type { View } from './view.ts';

/** Who wants to read what from where. */
export interface Opening {
  readonly meter: Meter;
  readonly lost: LostReaders;
  readonly api: ApiRuntime;
  readonly feed: Feed;
  readonly subscription: BoundSubscription;
  readonly protocol: string;
  readonly view: View;
  readonly options: ReadOptions;
  /** Whether it may pass over events and deliver them later. */
  readonly defers?: boolean;
}

/**
 * The books of whoever reads: a durable reader's cursor, a connection resumed, or a new reader where the client asked to begin.
 * Rejects with POSITION_LOST where retention has passed the place, and with READER_TAKEN when another connection took the name meanwhile.
 */
export async function openAccount(opening: Opening, onTaken: () => void): Promise<ReaderAccount> {
  const { meter, api, feed, subscription, protocol, view, options, defers } = opening;
  const { log } = api;
  const { address, name } = options;
  const resumed =
    options.resume === undefined ? undefined : await placesOf(opening).locate(feed.channel, { at: 'position', position: options.resume });
  const isKnown = name !== undefined && meter.knows({ subscription: subscription.resource.id, name, address, log });
  const start = resumed ?? (isKnown ? feed.position : await startOf(opening));
  const resumes = resumed !== undefined || options.from.at === 'position';
  let isTaken = false;
  const taken = (): void => {
    isTaken = true;
    onTaken();
  };
  const account = await meter.open(
    { subscription: subscription.context, protocol, log, address, name, filter: view.text, start, resumes, defers },
    taken,
  );
  try {
    if (isKnown && resumed !== undefined) account.confirm(resumed);
    else if (isKnown) await goOn(opening, account);
    if (isTaken) throw takenOver(name);
    return account;
  } catch (error) {
    account.close();
    throw error;
  }
}

/** What a connection is told whose reader another one goes on with. */
export function takenOver(name: string | undefined): GatewayError {
  return new GatewayError('READER_TAKEN', `Another connection goes on as the reader ${name}; give each consumer a reader name of its own.`);
}

/** A reader whose place is gone is told so once; when it comes back, `from` counts again. */
async function goOn(opening: Opening, account: ReaderAccount): Promise<void> {
  const { api, feed, lost } = opening;
  try {
    await api.backbone.locate(feed.channel, { at: 'position', position: account.cursor });
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'POSITION_LOST') throw error;
    if (!lost.wasTold(account.id)) {
      lost.tell(account.id);
      throw error;
    }
    account.confirm(await startOf(opening));
  }
}

function startOf(opening: Opening): Promise<Position> | Position {
  const { feed, options } = opening;
  return options.from.at === 'latest' ? feed.position : placesOf(opening).locate(feed.channel, options.from);
}

function placesOf({ api, subscription, options }: Opening): ReturnType<typeof withinHorizon> {
  return withinHorizon(api.backbone, subscription.horizon, options.address);
}
