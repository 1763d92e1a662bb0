import { GatewayError } from '../../core/errors.ts';
import { isPattern } from '../../core/address.ts';
import { deskSegment } from '../../core/desk.ts';
import type { ApiRuntime } from '../../gateway/catalogue.ts';
import { decodeAddress, pathSegments } from '../../gateway/path.ts';
import { topicUrl } from '../../listeners/hub-links.ts';
import { decodeUnreserved } from '../../protocols/websub/url-text.ts';

/** What a hub distributes under a URL. */
export interface Topic {
  /** The canonical URL. */
  readonly self: string;
  readonly address: string;
  /** The content comes from a publisher elsewhere, who says when there is new one. */
  readonly isExternal: boolean;
}

/** The topic of an API that a URL, its unreserved characters decoded, names; `apiUrl` is the API's as clients see it. Throws NOT_FOUND with a sentence. */
export function topicOf(url: string, { resource: { spec } }: Pick<ApiRuntime, 'resource'>, apiUrl: string): Topic {
  for (const [external, address] of Object.entries(spec.websub?.topics ?? {}))
    if (decodeUnreserved(external) === url) return { self: external, address, isExternal: true };
  const [asked, base] = [new URL(url), new URL(apiUrl)];
  const root = base.pathname === '/' ? '' : base.pathname;
  if (asked.origin !== base.origin || !asked.pathname.startsWith(`${root}/`) || asked.username !== '' || asked.hash !== '')
    throw undistributed(apiUrl);
  const segments = pathSegments(asked.pathname.slice(root.length));
  const address = segments[0] === deskSegment ? '' : decodeAddress(segments);
  if (address === '' || isPattern(address)) throw new GatewayError('NOT_FOUND', 'A topic is one channel; this URL names none.');
  const self = topicUrl(base.origin, `${root}/${segments.join('/')}`)!;
  if (asked.search !== '?latest')
    throw new GatewayError('NOT_FOUND', `The topic of this channel is ${self}; a channel links to it with rel="self".`);
  return { self, address, isExternal: false };
}

/** What is said of a topic elsewhere that is none of this hub's, or none for whoever asks: not which channel it has here. */
export function undistributed(apiUrl: string): GatewayError {
  return new GatewayError('NOT_FOUND', `This hub does not distribute this topic; its topics begin with ${apiUrl}/.`);
}
