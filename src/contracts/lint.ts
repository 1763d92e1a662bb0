import { parseAddress } from './channel-address.ts';
import type { Contract, ContractChannel, ContractMessage } from './contract.ts';
import { problemAt } from './contract-places.ts';
import { compileChecker } from './event-checker.ts';
import type { EventChecker } from './event-checker.ts';
import { loadContract } from './load-contract.ts';
import type { LoadOptions } from './load-contract.ts';
import { ContractError, ProblemList, quote } from './problem.ts';
import type { Problem } from './problem.ts';
import type { ContractText } from './read-contract.ts';

/** Everything wrong or odd about a document: what refuses it, or else what its author would want to know. Errors first. */
export async function lintContract(source: ContractText, options: LoadOptions = {}): Promise<readonly Problem[]> {
  try {
    const contract = await loadContract(source, options);
    const checker = await compileChecker(contract);
    const problems = new ProblemList(200);
    for (const problem of [...contract.warnings, ...oddities(contract, checker)]) problems.add(problem);
    return problems.sorted();
  } catch (thrown) {
    if (thrown instanceof ContractError) return thrown.problems;
    throw thrown;
  }
}

function* oddities(contract: Contract, checker: EventChecker): Generator<Problem> {
  if (contract.channels.length === 0) {
    const origin = { file: contract.name, line: 1, column: 1, path: '' };
    yield problemAt(
      contract,
      origin,
      [],
      'warning',
      'no-channels',
      'The document has no channels, so there is nothing to publish or read.',
    );
  }
  const shapes = new Map<string, ContractChannel>();
  for (const channel of contract.channels) {
    yield* oddChannel(contract, channel);
    yield* sharedShape(contract, channel, shapes);
    for (const message of channel.messages) yield* oddMessage(contract, channel, message, checker);
  }
}

function* oddChannel(contract: Contract, channel: ContractChannel): Generator<Problem> {
  const warn = (code: string, sentence: string): Problem => problemAt(contract, channel.origin, [], 'warning', code, sentence);
  const name = `The channel ${quote(channel.id)}`;
  if (!channel.send && !channel.receive) yield warn('no-operation', `${name} has no operation, so nobody may publish or read there.`);
  if (channel.messages.length === 0) yield warn('no-message', `${name} has no message, so any event may be published there.`);
  const template = channel.address === undefined ? undefined : parseAddress(channel.address);
  if (template === undefined || typeof template === 'string') return;
  const declared = new Set(channel.parameters.map((parameter) => parameter.name));
  for (const parameter of template.parameters.filter((each) => !declared.has(each))) {
    yield warn(
      'undeclared-parameter',
      `${name} has ${quote(`{${parameter}}`)} in its address and does not describe it under \`parameters\`.`,
    );
  }
  for (const parameter of [...declared].filter((each) => !template.parameters.includes(each))) {
    yield warn('unused-parameter', `${name} describes the parameter ${quote(parameter)}, which is not in its address.`);
  }
}

/** Addresses that differ in the names of parameters only cannot be told apart by a URL. */
function* sharedShape(contract: Contract, channel: ContractChannel, shapes: Map<string, ContractChannel>): Generator<Problem> {
  if (channel.address === undefined) return;
  const shape = channel.address.replaceAll(/\{[^}]*\}/g, '{}');
  const first = shapes.get(shape);
  if (first === undefined) {
    shapes.set(shape, channel);
    return;
  }
  const sentence = `The channel ${quote(channel.id)} matches the same addresses as ${quote(first.id)}, which is served for all that its parameters allow.`;
  yield problemAt(contract, channel.origin, [], 'warning', 'ambiguous-address', sentence);
}

function* oddMessage(contract: Contract, channel: ContractChannel, message: ContractMessage, checker: EventChecker): Generator<Problem> {
  const warn = (code: string, sentence: string): Problem => problemAt(contract, message.origin, [], 'warning', code, sentence);
  if (message.name === undefined) {
    yield warn('no-name', `The message ${quote(message.id)} has no \`name\`; events of it have the type ${quote(message.types[0])}.`);
  }
  if (message.payload !== undefined && message.payload.dialect === undefined) {
    const sentence = `The payload of ${quote(message.id)} is of the schema language ${quote(message.payload.format)}, which is passed through and not checked.`;
    yield problemAt(contract, message.payload.origin, [], 'warning', 'not-checked', sentence);
  }
  for (const example of message.examples.filter((each) => each.hasPayload)) {
    const data = Buffer.from(JSON.stringify(example.payload));
    const violations = checker.check(channel, { type: message.types[0] as string, data, dataKind: 'json' }) ?? [];
    const [first] = violations;
    if (first === undefined) continue;
    const sentence = `An example of ${quote(message.id)} does not fit its own schema: ${first.sentence}`;
    yield problemAt(contract, example.origin, [], 'warning', 'example', sentence);
  }
}
