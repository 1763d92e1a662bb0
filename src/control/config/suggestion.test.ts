import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { suggestionFor } from './suggestion.ts';

const known = ['contract', 'path', 'backbone', 'entrypoints', 'lifecycle', 'plans'];

describe('A suggestion', () => {
  for (const [word, suggestion] of [
    ['entrypoint', 'entrypoints'],
    ['Plans', 'plans'],
    ['lifecylce', 'lifecycle'],
    ['contrat', 'contract'],
    ['paht', 'path'],
    ['x', undefined],
    ['retention', undefined],
    ['', undefined],
    ['plans'.repeat(100), undefined],
  ] as const)
    it(`for ${word.slice(0, 20)} is ${suggestion}`, () => assert.equal(suggestionFor(word, known), suggestion));
});
