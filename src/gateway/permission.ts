import { GatewayError } from '../core/errors.ts';
import { isPattern } from '../core/address.ts';
import type { Resource } from '../store/resources.ts';
import type { ContractChannel } from '../contracts/contract.ts';
import type { ApiRuntime, BoundSubscription } from './catalogue.ts';
import { visibleChannels } from './visible-channels.ts';

/** Throws unless the API's lifecycle lets it be used. */
export function served(api: ApiRuntime): void {
  const { name, spec } = api.resource;
  if (spec.lifecycle === 'blocked') {
    throw new GatewayError('FORBIDDEN', `The API ${name} is blocked by its owner for now.`, { details: { lifecycle: 'blocked' } });
  }
  if (spec.lifecycle === 'created' || spec.lifecycle === 'retired') throw new GatewayError('NOT_FOUND', 'No API is served at this path.');
}

/** Throws unless the API is served and the credential is good. */
export function usable(api: ApiRuntime, credential: Resource<'credential'> | undefined, now: number): void {
  served(api);
  if (credential === undefined || credential.spec.revokedAt !== undefined) {
    throw new GatewayError('CREDENTIAL_REVOKED', 'This credential was revoked; use a current one.');
  }
  if (credential.spec.expiresAt !== undefined && credential.spec.expiresAt <= now) {
    throw new GatewayError('CREDENTIAL_REVOKED', 'This credential has expired; use the one it was rotated to.');
  }
}

/** The subscription under which an application may read an address or pattern: the contract's direction decides. */
export function readableBy(mine: readonly BoundSubscription[], api: ApiRuntime, address: string): BoundSubscription {
  const channels = isPattern(address) ? api.contract.findAll(address) : [api.contract.find(address)].filter((found) => found !== undefined);
  if (channels.length === 0) throw unknownChannel(api, address);
  const open = accepted(mine);
  for (const subscription of open) if (channels.every((channel) => isReadAs(subscription, channel))) return subscription;
  const seen = visible(open, api, channels);
  if (seen.length === 0 && !isPattern(address)) throw unknownChannel(api, address);
  const closed = seen.find((channel) => !open.some((subscription) => isReadAs(subscription, channel)));
  const narrower = closed === undefined ? 'to what one of its subscriptions may read' : `so that it leaves out ${closed.address}`;
  const remedy = isPattern(address) ? `; narrow the pattern ${narrower}` : '';
  throw new GatewayError('FORBIDDEN', `The contract of ${api.resource.name} does not let this application read ${address}${remedy}.`);
}

/** Whether the contract lets a subscription read one address. */
export function isReadable(subscription: BoundSubscription, { contract }: ApiRuntime, address: string): boolean {
  const channel = contract.find(address);
  return channel !== undefined && isReadAs(subscription, channel);
}

/** The subscription under which an application may publish to an address. */
export function publishableBy(mine: readonly BoundSubscription[], api: ApiRuntime, address: string): BoundSubscription {
  if (isPattern(address)) throw new GatewayError('BAD_REQUEST', `Events are published to one channel: ${address} is a pattern.`);
  const channel = api.contract.find(address);
  if (channel === undefined) throw unknownChannel(api, address);
  const open = accepted(mine);
  for (const subscription of open) {
    if (subscription.context.as === 'client' ? channel.receive : channel.send) return subscription;
  }
  if (visible(open, api, [channel]).length === 0) throw unknownChannel(api, address);
  const why =
    channel.send && !channel.receive ? 'only sends there, so its provider alone publishes' : 'does not let this application publish';
  throw new GatewayError('FORBIDDEN', `The contract of ${api.resource.name} ${why}: ${address}.`);
}

/** The subscription a new connection is admitted under: the one that can do what the protocol is for. */
export function admittedBy(mine: readonly BoundSubscription[], api: ApiRuntime, address: string, protocol: string): BoundSubscription {
  const open = accepted(mine);
  if (open.length === 0) throw noSubscription(mine, api);
  if (protocol === 'publish') return publishableBy(mine, api, address);
  if (protocol !== 'websocket' || isPattern(address)) return readableBy(mine, api, address);
  const channel = api.contract.find(address);
  if (channel === undefined) throw unknownChannel(api, address);
  const [reads] = open.filter((subscription) => isReadAs(subscription, channel));
  return reads ?? publishableBy(mine, api, address);
}

function isReadAs({ context }: BoundSubscription, channel: ContractChannel): boolean {
  return context.as === 'client' ? channel.send : channel.receive;
}

/** Those of the channels that may be named to whoever has these subscriptions. */
function visible(
  mine: readonly BoundSubscription[],
  { contract }: ApiRuntime,
  channels: readonly ContractChannel[],
): readonly ContractChannel[] {
  const all = visibleChannels(
    contract,
    mine.map(({ context }) => context),
  );
  return channels.filter((channel) => all.has(channel));
}

function accepted(mine: readonly BoundSubscription[]): readonly BoundSubscription[] {
  return mine.filter(({ resource }) => resource.spec.state === 'accepted');
}

function noSubscription(mine: readonly BoundSubscription[], api: ApiRuntime): GatewayError {
  const waiting = mine.find(({ resource }) => resource.spec.state === 'pending' || resource.spec.state === 'paused');
  if (waiting !== undefined) return inactive(waiting);
  return new GatewayError(
    'FORBIDDEN',
    `This application has no subscription to ${api.resource.name}; subscribe to one of its plans first.`,
  );
}

/** Why a subscription lets nobody in; one that is gone counts as closed. */
export function inactive(subscription: BoundSubscription | undefined): GatewayError {
  const { state, reason, api } = subscription?.resource.spec ?? { state: 'closed', reason: undefined, api: 'this API' };
  return new GatewayError('SUBSCRIPTION_INACTIVE', `The subscription to ${api} is ${state}${reason === undefined ? '' : `: ${reason}`}.`, {
    details: { state },
  });
}

function unknownChannel(api: ApiRuntime, address: string): GatewayError {
  return new GatewayError('CHANNEL_NOT_FOUND', `The contract of ${api.resource.name} has no channel ${address || '/'}.`);
}
