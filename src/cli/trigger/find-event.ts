import type { ContractChannel, ContractMessage } from '../../contracts/contract.ts';
import { findChannel } from '../../contracts/find-channel.ts';
import { noticeApi, noticeKinds, noticeType } from '../../push/notices/notice.ts';
import { CliError } from '../exit-code.ts';
import { printable } from '../output.ts';
import { nearest } from '../suggest.ts';
import type { KnownApi } from './known-contracts.ts';

/** A message with the channel and the API it belongs to. */
export interface KnownEvent {
  readonly api: KnownApi;
  /** Has an address. */
  readonly channel: ContractChannel;
  readonly message: ContractMessage;
}

const mostListed = 10;
const noticeTypes: ReadonlySet<string> = new Set(noticeKinds.map(noticeType));

/** Every message that can be published somewhere, by somebody else than Sluice itself. */
export function knownEvents(apis: readonly KnownApi[]): readonly KnownEvent[] {
  return eventsOf(apis).filter((event) => !isNotice(event));
}

/** Notices, which Sluice alone publishes. */
export function knownNotices(apis: readonly KnownApi[]): readonly KnownEvent[] {
  return eventsOf(apis).filter(isNotice);
}

function eventsOf(apis: readonly KnownApi[]): readonly KnownEvent[] {
  return apis.flatMap((api) =>
    api.contract.channels.flatMap((channel) =>
      channel.address === undefined ? [] : channel.messages.map((message) => ({ api, channel, message })),
    ),
  );
}

function isNotice(event: KnownEvent): boolean {
  return event.api.name === noticeApi && noticeTypes.has(typeOf(event));
}

/** The event type a message is published under. */
export function typeOf({ message }: KnownEvent): string {
  return message.types[0] ?? message.id;
}

/** Whether somebody who is subscribed may publish it: clients what the provider receives, the provider what it sends. */
export function mayPublish({ api: { subscribed }, channel, message }: KnownEvent): boolean {
  const { send, sends, receive, receives } = channel;
  const isAmong = (ids: readonly string[]): boolean => ids.length === 0 || ids.includes(message.id);
  return (
    subscribed === undefined || subscribed.as.some((role) => (role === 'provider' ? send && isAmong(sends) : receive && isAmong(receives)))
  );
}

/** The one message of this type, at this address where one is named. Throws CliError with what there is instead. */
export function findEvent(apis: readonly KnownApi[], type: string, address: string | undefined): KnownEvent {
  const all = knownEvents(apis);
  const isMeant = ({ message }: KnownEvent): boolean => message.types.includes(type) || message.id === type;
  const typed = all.filter(isMeant);
  const [first] = typed;
  if (first === undefined) throw knownNotices(apis).some(isMeant) ? ofSluice(type) : unknownType(type, all);
  const open = typed.filter(mayPublish);
  if (open.length === 0) throw notTheirs(type, first);
  const here = address === undefined ? open : open.filter(({ api, channel }) => findChannel(api.contract, address)?.id === channel.id);
  const [found, ...others] = here;
  if (found === undefined) {
    const places = open.map(place).join(', ');
    throw new CliError('notFound', `No event ${printable(type)} belongs to the address ${printable(address ?? '')}; it is at ${places}.`);
  }
  if (others.some((one) => one.channel !== found.channel || one.api !== found.api)) {
    const places = here.slice(0, mostListed).map(place).join(', ');
    throw new CliError('usage', `${printable(type)} is at several places: ${places}. Say which with --api or --address.`);
  }
  return found;
}

function notTheirs(type: string, { api: { name, subscribed }, channel }: KnownEvent): CliError {
  const { application = 'This application' } = subscribed ?? {};
  const [whose, wanted] = channel.send ? ['the provider of the API publishes', 'provider'] : ['its clients publish', 'client'];
  const remedy = `Use the key of an application that is subscribed to ${name} as ${wanted}, or subscribe ${application} as one.`;
  return new CliError('refused', printable(`${application} may not publish ${type}, which only ${whose}. ${remedy}`));
}

function ofSluice(type: string): CliError {
  const remedy = 'It comes when what it tells of happens to an endpoint.';
  return new CliError('refused', printable(`${type} is a notice, which Sluice alone publishes. ${remedy}`));
}

function unknownType(type: string, all: readonly KnownEvent[]): CliError {
  const types = [...new Set(all.map(typeOf))];
  const meant = nearest(type, types);
  const shown = types.slice(0, mostListed).join(', ');
  const more = types.length > mostListed ? ` and ${types.length - mostListed} more` : '';
  const remedy =
    meant !== undefined ? `Did you mean ${meant}?` : types.length === 0 ? 'No contract has any.' : `There are ${shown}${more}.`;
  return new CliError('notFound', printable(`No contract has an event of the type ${type}. ${remedy}`));
}

function place({ api, channel }: KnownEvent): string {
  return printable(`${api.name} ${channel.address ?? ''}`);
}
