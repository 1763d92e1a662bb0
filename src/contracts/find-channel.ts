import type { ChannelParameter, Contract, ContractChannel } from './contract.ts';
import { literalOf, matchSegment, normaliseAddress, parseAddress } from './channel-address.ts';
import type { AddressTemplate, Segment } from './channel-address.ts';
import { linearPattern } from './linear-pattern.ts';

interface Route {
  readonly channel: ContractChannel;
  readonly template: AddressTemplate;
  /** One for each parameter of the template, in order. */
  readonly rules: readonly ((value: string) => boolean)[];
}

interface Step {
  readonly segment: Segment;
  readonly next: Node;
}

interface Node {
  readonly literals: Map<string, Node>;
  /** Segments with a parameter; those with more literal text first. */
  readonly matched: Step[];
  readonly routes: Route[];
}

/** The routed channels of one contract, arranged by segment. */
class ChannelIndex {
  readonly #root = newNode();
  readonly #routes: Route[] = [];

  constructor(contract: Contract) {
    for (const channel of contract.channels) {
      const template = channel.address === undefined ? undefined : parseAddress(channel.address);
      if (template === undefined || typeof template === 'string') continue;
      const rules = template.parameters.map((name) => ruleOf(channel.parameters.find((parameter) => parameter.name === name)));
      const route = { channel, template, rules };
      this.#routes.push(route);
      insert(this.#root, route);
    }
  }

  find(address: string): ContractChannel | undefined {
    if (address.length > 4096 || address.includes('*')) return undefined;
    return descend(this.#root, normaliseAddress(address).split('/'), 0, [])?.channel;
  }

  matching(pattern: string): readonly ContractChannel[] {
    if (pattern === '*') return this.#routes.map((route) => route.channel);
    if (pattern.length > 4096) return [];
    const wanted = normaliseAddress(pattern).split('/');
    return this.#routes.filter((route) => overlaps(route, wanted)).map((route) => route.channel);
  }
}

function newNode(): Node {
  return { literals: new Map(), matched: [], routes: [] };
}

function insert(root: Node, route: Route): void {
  let node = root;
  for (const segment of route.template.segments) {
    const literal = literalOf(segment);
    let next: Node | undefined;
    if (literal !== undefined) {
      next = node.literals.get(literal) ?? newNode();
      node.literals.set(literal, next);
    } else {
      const shape = shapeOf(segment);
      next = node.matched.find((step) => shapeOf(step.segment) === shape)?.next;
      if (next === undefined) {
        next = newNode();
        node.matched.push({ segment, next });
        node.matched.sort((a, b) => weight(b.segment) - weight(a.segment));
      }
    }
    node = next;
  }
  node.routes.push(route);
}

/** Two segments of the same shape match the same texts. */
function shapeOf(segment: Segment): string {
  return segment.pieces.map((piece) => ('literal' in piece ? piece.literal : '{}')).join('');
}

function weight(segment: Segment): number {
  return segment.pieces.reduce((sum, piece) => sum + ('literal' in piece ? piece.literal.length : 0), 0);
}

/** Visits each node at most once: the first route whose parameters allow their values, literals before parameters segment by segment. */
function descend(node: Node, segments: readonly string[], depth: number, values: readonly string[]): Route | undefined {
  if (depth === segments.length) return node.routes.find((route) => route.rules.every((allows, index) => allows(values[index] as string)));
  const text = segments[depth] as string;
  const literal = node.literals.get(text);
  const found = literal === undefined ? undefined : descend(literal, segments, depth + 1, values);
  if (found !== undefined) return found;
  for (const step of node.matched) {
    const taken = matchSegment(step.segment, text);
    const route = taken === undefined ? undefined : descend(step.next, segments, depth + 1, [...values, ...taken]);
    if (route !== undefined) return route;
  }
  return undefined;
}

function overlaps(route: Route, wanted: readonly string[]): boolean {
  const { segments } = route.template;
  if (segments.length !== wanted.length) return false;
  const taken: (string | undefined)[] = [];
  for (const [index, segment] of segments.entries()) {
    const want = wanted[index] as string;
    const values =
      want === '*' ? segment.pieces.flatMap((piece) => ('parameter' in piece ? [undefined] : [])) : matchSegment(segment, want);
    if (values === undefined || (want === '*' && literalOf(segment) === '')) return false;
    taken.push(...values);
  }
  return route.rules.every((allows, index) => taken[index] === undefined || allows(taken[index]));
}

function ruleOf(parameter: ChannelParameter | undefined): (value: string) => boolean {
  if (parameter === undefined) return () => true;
  const allowed = parameter.enum === undefined ? undefined : new Set(parameter.enum);
  const pattern = parameter.pattern === undefined ? undefined : linearPattern(parameter.pattern);
  return (value) => {
    if (allowed !== undefined && !allowed.has(value)) return false;
    if (pattern !== undefined && !pattern.test(value)) return false;
    const { minLength = 0, maxLength = Infinity } = parameter;
    return value.length >= minLength && value.length <= maxLength && fitsType(parameter, value);
  };
}

function fitsType(parameter: ChannelParameter, value: string): boolean {
  const { type, minimum = -Infinity, maximum = Infinity } = parameter;
  if (type === 'boolean') return value === 'true' || value === 'false';
  if (type !== 'integer' && type !== 'number') return true;
  const form = type === 'integer' ? /^-?\d{1,18}$/ : /^-?\d{1,18}(\.\d{1,18})?$/;
  return form.test(value) && Number(value) >= minimum && Number(value) <= maximum;
}

const indexes = new WeakMap<Contract, ChannelIndex>();

function indexOf(contract: Contract): ChannelIndex {
  let index = indexes.get(contract);
  if (index === undefined) {
    index = new ChannelIndex(contract);
    indexes.set(contract, index);
  }
  return index;
}

/** The channel a concrete address (decoded, with or without leading slash) belongs to; literal segments win over parameters. */
export function findChannel(contract: Contract, address: string): ContractChannel | undefined {
  return indexOf(contract).find(address);
}

/** Every channel that has an address under the pattern: `*` for one segment, or alone for all. */
export function findChannels(contract: Contract, pattern: string): readonly ContractChannel[] {
  return indexOf(contract).matching(pattern);
}
