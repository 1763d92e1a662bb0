import type { Event } from '../../core/event.ts';
import { GatewayError } from '../../core/errors.ts';
import type { ApiRuntime } from '../../gateway/catalogue.ts';
import type { EventGateway } from '../../gateway/gateway.ts';
import type { SentEvent } from './sent-events.ts';

/** What platforms show to choose fields from. */
const mostSamples = 3;

interface SampleTerms {
  readonly gateway: Pick<EventGateway, 'newest'>;
  /** Id of a subscription under which the events of the address may be read; without one the contract's sample is shown. */
  readonly subscription: string | undefined;
}

/**
 * Data of the newest events of a type, newest first, else one sample from the contract: in the shape in which hooks get them. Events are
 * counted and charged as a page of them would be, and refused where that would be.
 */
export async function hookSamples(api: ApiRuntime, event: SentEvent, { gateway, subscription }: SampleTerms): Promise<readonly unknown[]> {
  const { type, address } = event;
  const newest =
    subscription === undefined ? [] : await gateway.newest({ subscription, address, type, count: mostSamples, protocol: 'hooks' });
  if (newest.length > 0) return newest.map(({ data, dataKind }) => shown(data, dataKind));
  const sample = await api.contract.sample(event.channel, event.message);
  if (!sample.ok) throw new GatewayError('NOT_FOUND', `There is no event of this type to show. ${sample.sentence}`);
  return [shown(sample.event.data, sample.event.dataKind)];
}

function shown(data: Uint8Array | undefined, kind: Event['dataKind']): unknown {
  if (data === undefined) return null;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (kind === 'json') return JSON.parse(bytes.toString());
  return kind === 'text' ? bytes.toString() : { data_base64: bytes.toString('base64') };
}
