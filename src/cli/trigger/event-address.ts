import { normaliseAddress, parseAddress } from '../../contracts/channel-address.ts';
import type { ChannelParameter } from '../../contracts/contract.ts';
import { findChannel } from '../../contracts/find-channel.ts';
import { PatternCache } from '../../contracts/pattern-cache.ts';
import { SampleError } from '../../contracts/sample-error.ts';
import { SampleRandom } from '../../contracts/sample-random.ts';
import { sampleText } from '../../contracts/sample-text.ts';
import { isObject } from '../client/json.ts';
import { CliError } from '../exit-code.ts';
import type { KnownEvent } from './find-event.ts';

/**
 * A concrete address of the event's channel. A parameter has the value given for it, else the one its data has under the same name, else
 * its default, the first it may be, or one made from its rules. Throws CliError.
 */
export function eventAddress({ api, channel }: KnownEvent, given: ReadonlyMap<string, string>, data: unknown, seed: number): string {
  const template = parseAddress(normaliseAddress(channel.address ?? ''));
  if (typeof template === 'string') throw new CliError('invalid', `The address ${channel.address} of ${channel.id} ${template}.`);
  for (const name of given.keys()) {
    if (!template.parameters.includes(name)) {
      const known = template.parameters.length === 0 ? 'has none' : `has ${template.parameters.join(', ')}`;
      throw new CliError('usage', `There is no parameter ${name}: the address ${channel.address} ${known}.`);
    }
  }
  const random = new SampleRandom(seed);
  const valueOf = (name: string): string => {
    const parameter = channel.parameters.find((one) => one.name === name);
    return given.get(name) ?? fromData(data, name, parameter) ?? made(name, parameter, random);
  };
  const address = template.segments
    .map(({ pieces }) => pieces.map((piece) => ('literal' in piece ? piece.literal : valueOf(piece.parameter))).join(''))
    .join('/');
  if (findChannel(api.contract, address)?.id === channel.id) return address;
  throw new CliError('invalid', `${address} is no address of ${channel.id} (${channel.address}); choose its parameters with --param.`);
}

function fromData(data: unknown, name: string, parameter: ChannelParameter | undefined): string | undefined {
  const value = isObject(data) && Object.hasOwn(data, name) ? data[name] : undefined;
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  if (typeof text !== 'string' || !/^[^/*]{1,200}$/.test(text)) return undefined;
  return parameter?.enum === undefined || parameter.enum.includes(text) ? text : undefined;
}

function made(name: string, parameter: ChannelParameter | undefined, random: SampleRandom): string {
  if (parameter === undefined) return `${name}-1`;
  const { enum: allowed, type, minimum, maximum, pattern, minLength = 1, maxLength = Infinity } = parameter;
  const simple = parameter.default ?? allowed?.[0];
  if (simple !== undefined) return simple;
  if (type === 'boolean') return 'true';
  if (type === 'integer' || type === 'number') return String(Math.ceil(minimum ?? Math.min(1, maximum ?? 1)));
  if (pattern === undefined) return `${name}-1`.padEnd(minLength, '1').slice(0, Math.min(maxLength, 200));
  try {
    const demand = { patterns: [pattern], format: undefined, least: minLength, most: Math.min(maxLength, 200) };
    return sampleText(demand, name, random, new PatternCache());
  } catch (thrown) {
    if (thrown instanceof SampleError) throw new CliError('invalid', `No value of the parameter ${name} was found; give one with --param.`);
    throw thrown;
  }
}
