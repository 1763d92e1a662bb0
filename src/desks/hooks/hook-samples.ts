import type { Event } from '../../core/event.ts';
import { GatewayError } from '../../core/errors.ts';
import type { ApiRuntime } from '../../gateway/catalogue.ts';
import { placeOfNewest } from '../../gateway/newest-events.ts';
import type { SentEvent } from './sent-events.ts';

/** What platforms show to choose fields from. */
const mostSamples = 3;
/** Events looked at for some of the type. */
const mostExamined = 250;
const mostBytes = 1024 * 1024;
/** Milliseconds for finding them. */
const mostTime = 1000;

interface SampleTerms {
  /** Whether the events of the address may be shown; else the contract's sample is. */
  readonly mayRead: boolean;
  /** Wall time in milliseconds. */
  readonly now: number;
}

/** Data of the newest events of a type, newest first, else one sample from the contract: in the shape in which hooks get them. */
export async function hookSamples(api: ApiRuntime, event: SentEvent, { mayRead, now }: SampleTerms): Promise<readonly unknown[]> {
  const newest = mayRead ? await newestOf(api, event, now) : [];
  if (newest.length > 0) return newest.map(({ data, dataKind }) => shown(data, dataKind));
  const sample = await api.contract.sample(event.channel, event.message);
  if (!sample.ok) throw new GatewayError('NOT_FOUND', `There is no event of this type to show. ${sample.sentence}`);
  return [shown(sample.event.data, sample.event.dataKind)];
}

async function newestOf({ backbone, log }: ApiRuntime, { type, address }: SentEvent, now: number): Promise<readonly Event[]> {
  const channel = { log, address };
  const over = performance.now() + mostTime;
  const until = await backbone.locate(channel, { at: 'latest' });
  const isOver = (): boolean => performance.now() >= over;
  const { after } = await placeOfNewest(backbone, channel, { count: mostExamined, now, isOver });
  let found: readonly Event[] = [];
  for (let position = after; position !== until && !isOver();) {
    const read = await backbone.read({ channel, after: position, until, limit: mostExamined, maxBytes: mostBytes });
    found = [...found, ...read.events.filter((each) => each.type === type)].slice(-mostSamples);
    if (read.events.length === 0 && read.position === position) break;
    position = read.position;
  }
  return found.toReversed();
}

function shown(data: Uint8Array | undefined, kind: Event['dataKind']): unknown {
  if (data === undefined) return null;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (kind === 'json') return JSON.parse(bytes.toString());
  return kind === 'text' ? bytes.toString() : { data_base64: bytes.toString('base64') };
}
