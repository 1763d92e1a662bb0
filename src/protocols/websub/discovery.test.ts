import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { computingTime } from '../../testing/computing-time.ts';
import { discover, discoveryBytes, type TopicLinks } from './discovery.ts';

const url = 'https://publisher.example/blog/feed';
const hub = 'https://hub.example/';
const self = 'https://publisher.example/self';
const found: TopicLinks = { hubs: [hub], self };
const nothing: TopicLinks = { hubs: [], self: undefined };

function inBody(contentType: string, text: string): TopicLinks {
  return discover({ url, link: undefined, contentType, body: Buffer.from(text) });
}

function inPage(text: string): TopicLinks {
  return inBody('text/html; charset=utf-8', text);
}

const links = `<link rel="hub" href="${hub}"><link rel="self" href="${self}">`;
const feedLinks = `<link rel="hub" href="${hub}"/><link rel="self" href="${self}"/>`;

describe('Discovery', () => {
  it('WS-D2: finds hub and topic in Link headers (websub.rocks 100)', () => {
    for (const link of [`<${hub}>; rel="hub", <${self}>; rel="self"`, [`<${self}>; rel=self`, `<${hub}>; rel=hub`]]) {
      assert.deepEqual(discover({ url, link, contentType: undefined, body: Buffer.alloc(0) }), found);
    }
  });

  it('WS-D2: finds them in an HTML page (websub.rocks 101)', () => {
    assert.deepEqual(inPage(`<!doctype html>\n<html>\n<head>\n<title>a</title>\n${links}</head><body>b</body></html>`), found);
    assert.deepEqual(inPage(links), found, 'html and head need not be written');
    assert.deepEqual(inBody('application/xhtml+xml', `<html><head><script src="a" /><title/>${feedLinks}</head></html>`), found);
  });

  it('WS-D2: finds them in an Atom feed (websub.rocks 102)', () => {
    const feed = `<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>a</title>${feedLinks}<entry/></feed>`;
    for (const type of ['application/atom+xml', 'text/xml', 'application/xml; charset=utf-8']) assert.deepEqual(inBody(type, feed), found);
    assert.deepEqual(inBody('text/xml', feed.replaceAll('<', '<a:').replaceAll('<a:/', '</a:').replace('<a:?', '<?')), found);
  });

  it('WS-D2: finds them in an RSS feed (websub.rocks 103)', () => {
    const atomLinks = feedLinks.replaceAll('<link', '<atom:link');
    const feed = `<?xml version="1.0"?><?xml-stylesheet href="a>b"?><rss version="2.0"><channel><link>https://x.example/</link>${atomLinks}<item/></channel></rss>`;
    for (const type of ['application/rss+xml', 'text/xml']) assert.deepEqual(inBody(type, feed), found);
    assert.deepEqual(inBody('application/rdf+xml', `<rdf:RDF><channel rdf:about="x">${atomLinks}</channel></rdf:RDF>`), found);
  });

  it('WS-D2: believes the header before the body (websub.rocks 104)', () => {
    const wrong = links.replace(hub, 'https://wrong.example/').replace(self, 'https://wrong.example/topic');
    const link = `<${self}>; rel="self", <${hub}>; rel="hub"`;
    assert.deepEqual(discover({ url, link, contentType: 'text/html', body: Buffer.from(wrong) }), found);
    assert.deepEqual(
      discover({ url, link: `<${hub}>; rel=hub`, contentType: 'text/html', body: Buffer.from(wrong) }),
      { hubs: [hub], self: 'https://wrong.example/topic' },
      'the body says what the header does not',
    );
  });

  it('WS-D1: tells the topic from the URL it was found at (websub.rocks 200)', () => {
    const link = `<${url}?self=other>; rel="self", <${hub}>; rel="hub"`;
    assert.equal(discover({ url, link, contentType: undefined, body: Buffer.alloc(0) }).self, `${url}?self=other`);
  });

  it('WS-D1: takes the first of several topics and all hubs, within a bound', () => {
    const link = '<https://a.example/>; rel="self hub", <https://b.example/>; rel="self hub", <https://a.example/>; rel=hub';
    const answer = discover({ url, link, contentType: undefined, body: Buffer.alloc(0) });
    assert.deepEqual(answer, { hubs: ['https://a.example/', 'https://b.example/'], self: 'https://a.example/' });
    const many = Array.from({ length: 100 }, (_, n) => `<https://${n}.example/>; rel=hub`).join(', ');
    assert.equal(discover({ url, link: many, contentType: undefined, body: Buffer.alloc(0) }).hubs.length, 16);
  });

  it('resolves what is relative, against the base of the page where it has one, and keeps the rest to the letter', () => {
    const relative = '<link rel=hub href="/hub"><link rel=self href=self>';
    assert.deepEqual(inPage(relative), { hubs: ['https://publisher.example/hub'], self: 'https://publisher.example/blog/self' });
    assert.deepEqual(inPage(`${relative}<base href="https://cdn.example/x/">`), {
      hubs: ['https://cdn.example/hub'],
      self: 'https://cdn.example/x/self',
    });
    const exact = '<https://Hub.Example:443>; rel=hub, <?a=1>; rel=self';
    assert.deepEqual(discover({ url, link: exact, contentType: undefined, body: Buffer.alloc(0) }), {
      hubs: ['https://Hub.Example:443'],
      self: `${url}?a=1`,
    });
  });

  it('leaves out what is no http or https URL', () => {
    assert.deepEqual(inPage('<link rel=hub href="javascript:x"><link rel=self href="data:,x"><link rel=hub href="https://a b/">'), nothing);
    assert.deepEqual(inPage('<link rel=hub><link href="/a"><link rel="hubs self-ish" href="/a">'), nothing);
  });

  it('reads attributes however they are written', () => {
    for (const page of [
      `<LINK REL=HUB HREF=${hub}><link rel='self'\n\thref = '${self}' />`,
      `<link href="${hub}" a b=c d='>' rel="x hub"><link rel="self" rel="hub" href="${self}" href="https://other.example/">`,
      `<link rel="&#104;ub" href="https:&#x2f;/hub.example&#47;"><link "=' rel="self" href="${self}">`,
    ]) {
      assert.deepEqual(inPage(page), found, page);
    }
    assert.equal(
      inPage('<link rel=self href="/?a=1&amp;b=2&c=&lt;&#xD800;&bogus;">').self,
      'https://publisher.example/?a=1&b=2&c=%3C%EF%BF%BD&bogus;',
    );
  });

  it('reads other charsets than UTF-8', () => {
    for (const [type, body] of [
      ['text/html; charset=utf-16le', Buffer.from(links, 'utf16le')],
      ['text/html', Buffer.from(`\ufeff${links}`, 'utf16le')],
      ['text/html', Buffer.from(`\ufeff${links}`, 'utf16le').swap16()],
      ['text/html; charset=iso-8859-1', Buffer.from(`<meta content="\u00e9">${links}`, 'latin1')],
      ['text/html; charset=x-nobody-knows', Buffer.from(links)],
      ['text/html', Buffer.from(`\ufeff${links}`)],
    ] as const) {
      assert.deepEqual(discover({ url, link: undefined, contentType: type, body }), found, type);
    }
  });

  it('looks for elements only in pages and feeds', () => {
    for (const type of ['text/plain', 'application/json', 'image/png', 'text/html, text/plain', ''])
      assert.deepEqual(inBody(type, links), nothing, type);
    assert.deepEqual(discover({ url, link: undefined, contentType: undefined, body: Buffer.from(links) }), nothing);
  });
});

describe('What visitors and authors of entries write', () => {
  it('is not believed in the body of a page', () => {
    for (const before of ['<body>', '</head>', '<p>', '<BODY class=x>', '<head></head>', '<div>', '<img>', '<a b=">">']) {
      assert.deepEqual(inPage(`<title>a</title>${before}${links}`), nothing, before);
    }
  });

  it('is not believed where it is text', () => {
    for (const [open, close] of [
      ['<!--', '-->'],
      ['<!-- --', ' -->'],
      ['<script>"<!--', '"</script>'],
      ['<style>', '</style >'],
      ['<title>', '</TITLE>'],
      ['<title></titles>', '</title>'],
      ['<template>', '</template>'],
      ['<meta content="', '">'],
    ] as const) {
      const wrong = '<link rel=hub href=//wrong.example><link rel=self href=//wrong.example>';
      assert.deepEqual(inPage(`${open}${wrong}${close}${links}`), found, open);
    }
    assert.deepEqual(inPage(`<!-->${links}`), found, 'a comment may be this short');
    assert.deepEqual(inPage(`<!--${links}`), nothing, 'a comment need not end');
    assert.deepEqual(inPage(`<script>${links}`), nothing, 'nor need a script');
  });

  it('is not believed in the entries of a feed', () => {
    const wrong = feedLinks.replaceAll('example', 'wrong');
    assert.deepEqual(inBody('application/atom+xml', `<feed><entry>${wrong}</entry>${feedLinks}</feed>`), found);
    assert.deepEqual(inBody('application/atom+xml', `<feed><entry><source>${wrong}</source></entry></feed>`), nothing);
    assert.deepEqual(inBody('application/rss+xml', `<rss><channel><item>${wrong}</item></channel></rss>`), nothing);
    assert.deepEqual(inBody('application/rss+xml', `<rss><channel></channel><item>${wrong}</item>${wrong}</rss>`), nothing);
    assert.deepEqual(inBody('application/atom+xml', `<feed><title><![CDATA[</title></feed>${wrong}]]></title>${feedLinks}</feed>`), found);
    assert.deepEqual(inBody('application/xml', `<other>${wrong}</other>`), nothing);
  });
});

describe('A hostile body', () => {
  it('is searched up to a bound', () => {
    assert.deepEqual(inPage(`${' '.repeat(discoveryBytes)}${links}`), nothing);
    assert.deepEqual(inPage(`${' '.repeat(discoveryBytes - links.length)}${links}`), found);
  });

  it('is read in linear time', () => {
    const computed = computingTime();
    for (const piece of [
      '<',
      '<a ',
      '<a b="',
      "<a b='",
      '<a b=',
      '<link a   ',
      '</',
      '<!--',
      '<![CDATA[',
      '<?',
      '<!',
      '<script>',
      '&#',
      '<a b="&amp',
      '<a>',
      '</a>',
      '=',
      '<link =',
      ' ',
      '= ',
    ]) {
      const text = piece.repeat(65_536 / piece.length);
      for (const type of ['text/html', 'text/xml']) {
        inBody(type, text);
        inBody(type, `<link ${text}`);
        inBody(type, `<link rel="${text}`);
      }
    }
    assert.ok(computed() < 1500, `${computed()} ms`);
  });

  it('is never a bug', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '</',
      '/>',
      'link ',
      'rel=hub ',
      'rel="self" ',
      'href=/x ',
      '"',
      "'",
      '<!--',
      '-->',
      '<feed>',
      '<rss><channel>',
      '&#x0;',
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 40 }),
        fc.constantFrom('text/html', 'text/xml'),
        (parts, type) => {
          for (const target of inBody(type, parts.join('')).hubs) assert.ok(URL.canParse(target));
        },
      ),
      { numRuns: 500 },
    );
  });
});
