import type { ContractChannel, ContractMessage } from '../../contracts/contract.ts';
import { parseAddress } from '../../contracts/channel-address.ts';
import { GatewayError } from '../../core/errors.ts';
import type { ApiRuntime } from '../../gateway/catalogue.ts';

/** A type of event that clients of an API may receive. */
export interface SentEvent {
  readonly type: string;
  readonly channel: ContractChannel;
  readonly message: ContractMessage;
  /** Pattern under which all of the channel's addresses lie. */
  readonly address: string;
}

/** Every type on every one of these channels that clients may read, as the contract has them. */
export function sentEvents({ contract }: Pick<ApiRuntime, 'contract'>, channels: ReadonlySet<ContractChannel>): readonly SentEvent[] {
  return contract.contract.channels.flatMap((channel) => {
    if (!channels.has(channel) || !channel.send || channel.address === undefined) return [];
    const address = patternOf(channel.address);
    const sent = channel.messages.filter(({ id }) => channel.sends.length === 0 || channel.sends.includes(id));
    return sent.flatMap((message) => (message.types[0] === undefined ? [] : [{ type: message.types[0], channel, message, address }]));
  });
}

/** The one of `events` that a platform means; throws CHANNEL_NOT_FOUND for a type that is not sent, BAD_REQUEST where several channels send it. */
export function sentEvent(
  events: readonly SentEvent[],
  { contract }: Pick<ApiRuntime, 'contract'>,
  { type, address }: { readonly type: string; readonly address: string | undefined },
): SentEvent {
  const named = events.filter(({ message }) => message.types.includes(type));
  const [first, ...others] = address === undefined ? named : named.filter((each) => contract.findAll(address).includes(each.channel));
  if (first === undefined)
    throw new GatewayError(
      'CHANNEL_NOT_FOUND',
      `${address === undefined ? 'No channel' : `No channel under ${address}`} sends events of the type ${type.slice(0, 200)}; GET …/-/hooks/events lists those there are.`,
    );
  if (address === undefined && others.length > 0) {
    const addresses = named.map((each) => each.address).join(', ');
    throw new GatewayError(
      'BAD_REQUEST',
      `Several channels send events of the type ${type}: name one with the member address: ${addresses}.`,
    );
  }
  return { ...first, type, address: address ?? first.address };
}

function patternOf(template: string): string {
  const parsed = parseAddress(template);
  if (typeof parsed === 'string') return '*';
  return parsed.segments
    .map(({ pieces }) => pieces.map((piece) => ('literal' in piece ? piece.literal : undefined)))
    .map((texts) => (texts.includes(undefined) ? '*' : texts.join('')))
    .join('/');
}
