import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkPositionals, oneOf, parseArguments, wholeNumber } from './arguments.ts';
import { CliError } from './exit-code.ts';
import { nearest } from './suggest.ts';

const options = {
  name: { type: 'string', value: 'NAME', describe: 'a name' },
  tag: { type: 'string', multiple: true, describe: 'tags' },
  level: { type: 'string', default: 'low', describe: 'a level' },
  config: { type: 'string', short: 'c', describe: 'a file' },
  prune: { type: 'boolean', describe: 'a switch' },
} as const;

describe('arguments', () => {
  test('are read with values behind or inside the option, in any order', () => {
    const { values, positionals } = parseArguments(
      ['a', '--name', 'x', '--tag=1', 'b', '--tag', '2', '-c', 'f.yaml', '--prune', '--json'],
      options,
      'test',
    );
    assert.deepEqual(positionals, ['a', 'b']);
    assert.deepEqual({ ...values }, { name: 'x', tag: ['1', '2'], level: 'low', config: 'f.yaml', prune: true, json: true, help: false });
  });

  test('after -- are never options', () => {
    assert.deepEqual(parseArguments(['--', '--name', '-x'], options, 'test').positionals, ['--name', '-x']);
  });

  test('with a dash in front need the form that cannot be misread', () => {
    assert.equal(parseArguments(['--name=-5'], options, 'test').values['name'], '-5');
    assert.equal(parseArguments(['--name', '-'], options, 'test').values['name'], '-');
    assert.throws(() => parseArguments(['--name', '-5'], options, 'test'), /--name=-5/);
  });

  for (const [argv, message] of [
    [['--nmae', 'x'], /Unknown option --nmae\. Did you mean --name\? Try: sluice test --help/],
    [['--zzzzzz'], /Unknown option --zzzzzz\. Try/],
    [['-z'], /Unknown option -z/],
    [['--name'], /--name needs a value: --name NAME/],
    [['--prune=yes'], /--prune takes no value/],
    [['--__proto__=1'], /Unknown option/],
    [['--constructor'], /Unknown option/],
  ] as const) {
    test(`are refused: ${argv.join(' ')}`, () => {
      assert.throws(
        () => parseArguments(argv, options, 'test'),
        (error: unknown) => error instanceof CliError && error.exit === 'usage' && message.test(error.message),
      );
    });
  }

  test('after the options are counted', () => {
    const wanted = { usage: 'ID [FILE]', min: 1, max: 2 };
    checkPositionals(['a', 'b'], wanted, 'test');
    assert.throws(() => checkPositionals([], wanted, 'test'), /needs ID \[FILE\]/);
    assert.throws(() => checkPositionals(['a', 'b', 'c'], wanted, 'test'), /what to do with "c"/);
    assert.throws(() => checkPositionals(['a'], undefined, 'test'), /what to do with "a"/);
  });

  test('that are numbers or words are checked with their range', () => {
    assert.equal(wholeNumber('20', 'rate', 1, 100), 20);
    for (const text of ['0', '101', '1.5', '1e1', '-1', '', 'x', ' 5', '9'.repeat(400)])
      assert.throws(() => wholeNumber(text, 'rate', 1, 100), /--rate must be a whole number from 1 to 100/, text);
    assert.equal(oneOf('poll', 'protocol', ['sse', 'poll']), 'poll');
    assert.throws(() => oneOf('toString', 'protocol', ['sse', 'poll']), /one of sse, poll/);
  });
});

describe('nearest', () => {
  const words = ['status', 'publish', 'subscriptions', 'listen', 'lint', 'up'];
  for (const [word, meant] of [
    ['statsu', 'status'],
    ['pubish', 'publish'],
    ['sub', 'subscriptions'],
    ['lisent', 'listen'],
    ['lnit', 'lint'],
    ['pu', 'up'],
    ['deploy', undefined],
    ['', undefined],
    ['x'.repeat(1000), undefined],
  ] as const) {
    test(`${word.slice(0, 20)} is ${meant ?? 'nothing known'}`, () => assert.equal(nearest(word, words), meant));
  }
});
