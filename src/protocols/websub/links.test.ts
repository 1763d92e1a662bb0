import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { computingTime } from '../../testing/computing-time.ts';
import { parseLinks, writeHubLinks } from './links.ts';

describe('The Link header of a topic', () => {
  it('WS-C2: names hubs and topic in one header', () => {
    assert.equal(
      writeHubLinks(['https://hub.example/'], 'https://publisher.example/feed?a=1&b=2'),
      '<https://hub.example/>; rel="hub", <https://publisher.example/feed?a=1&b=2>; rel="self"',
    );
    assert.equal(
      writeHubLinks(['https://a.example', 'https://b.example'], 'https://c.example'),
      '<https://a.example>; rel="hub", <https://b.example>; rel="hub", <https://c.example>; rel="self"',
    );
  });

  it('WS-C2: cannot be broken out of by a URL', () => {
    const text = writeHubLinks(['https://hub.example/>; rel="self"\r\nX: y, <'], 'https://p.example/"');
    assert.match(text, /^[\x20-\x7e]*$/);
    assert.deepEqual(
      parseLinks(text).map(({ rels }) => rels),
      [['hub'], ['self']],
    );
  });

  it('WS-C2: says to a reader what was written', () => {
    const piece = fc.constantFrom('a', '?', '&', '=', '/', ',', ';', '%2F', "'", '~', '(', '@', '; rel=x');
    const url = fc.array(piece, { maxLength: 12 }).map((pieces) => `https://a.example/${pieces.join('')}`.replaceAll(' ', ''));
    fc.assert(
      fc.property(fc.array(url, { maxLength: 5 }), url, (hubs, self) => {
        assert.deepEqual(parseLinks(writeHubLinks(hubs, self)), [
          ...hubs.map((target) => ({ target, rels: ['hub'] })),
          { target: self, rels: ['self'] },
        ]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('A Link header', () => {
  it('is read in the forms that RFC 8288 has', () => {
    const cases: readonly (readonly [string | string[] | undefined, [string, ...string[]][]])[] = [
      [undefined, []],
      ['', []],
      ['</a>; rel=hub', [['/a', 'hub']]],
      ['<https://a.example/?x=1,2;3>;rel="hub"', [['https://a.example/?x=1,2;3', 'hub']]],
      ['< /a >\t;\tREL = "HUB\tnext  Self"', [['/a', 'hub', 'next', 'self']]],
      [
        ', ,</a>; rel=hub , ,</b>; rel=self,',
        [
          ['/a', 'hub'],
          ['/b', 'self'],
        ],
      ],
      [
        ['</a>; rel=hub', '</b>; rel=self'],
        [
          ['/a', 'hub'],
          ['/b', 'self'],
        ],
      ],
      ['</a>; title="; rel=\\"self\\", <x>"; rel=hub', [['/a', 'hub']]],
      ['</a>; crossorigin; rel=hub; title', [['/a', 'hub']]],
      ['</a>; rel=hub; rel=self', [['/a', 'hub']]],
      ['</a>; rel=hub;', [['/a', 'hub']]],
      ['</a>;; rel=hub', [['/a', 'hub']]],
      ['</a>; rel="hub', [['/a', 'hub']]],
      ['</a>', [['/a']]],
      ['<>; rel=self', [['', 'self']]],
    ];
    for (const [header, links] of cases) {
      assert.deepEqual(
        parseLinks(header).map(({ target, rels }) => [target, ...rels]),
        links,
        JSON.stringify(header),
      );
    }
  });

  it('is read up to where it is none', () => {
    for (const header of ['x', '</a', 'a>; rel=hub', '"</a>"; rel=hub']) assert.deepEqual(parseLinks(header), [], header);
    assert.equal(parseLinks('</a>; rel=hub, x, </b>; rel=self').length, 1);
    assert.equal(parseLinks('</a>; rel="hub"x; rel=b, </b>; rel=self').length, 1);
  });

  it('says nothing of its resource in links that are about another', () => {
    assert.deepEqual(parseLinks('</a>; rel=self; anchor="https://other.example/", </b>; rel=self; rev=hub'), [
      { target: '/b', rels: ['self'] },
    ]);
  });

  it('is read in linear time, and not at all when it is too long', () => {
    const computed = computingTime();
    for (const text of ['<', '<a>;', '<a>; a="', '<a>; a="\\', '<a>  ;', '<a>;a  ', '<a>;a=  ', ', ', '<a>;="']) {
      parseLinks(text.repeat(16_384 / text.length));
      parseLinks(`${text}${' '.repeat(16_000)}`);
      parseLinks(`${text}${'\\"'.repeat(8_000)}`);
    }
    assert.deepEqual(parseLinks(`</a>; rel=hub; title="${'x'.repeat(20_000)}"`), []);
    assert.ok(computed() < 1000);
  });
});
