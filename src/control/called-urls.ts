import type { ResourceStore } from '../store/resources.ts';
import { refusalOf, type Administration } from './administration.ts';
import type { PlacedProblem } from './config/place.ts';
import type { Desired } from './desired.ts';

/** URLs that Sluice calls because somebody wrote them, by JSON pointers to where they stand in an endpoint or a source. */
type CalledUrls = Readonly<Record<string, string | undefined>>;

interface CallingEndpoint {
  readonly url: string;
  readonly authentication?: { readonly kind: string; readonly tokenUrl?: string } | undefined;
}

interface CallingSource {
  readonly topic?: { readonly url: string } | undefined;
}

/** A URL at which every attempt would fail as things are. */
interface BlockedUrl extends PlacedProblem {
  /** Class of that failure. */
  readonly failure: 'blocked';
}

/** Throws BAD_REQUEST for a URL of an endpoint that cannot be called as things are; one that is `stored` stays, since operators open and close ranges. */
export function checkEndpointUrls(administration: Administration, endpoint: CallingEndpoint, stored?: CallingEndpoint): void {
  check(administration, urlsOfEndpoint(endpoint), stored && urlsOfEndpoint(stored));
}

/** As `checkEndpointUrls`, of a source. */
export function checkSourceUrls(administration: Administration, source: CallingSource, stored?: CallingSource): void {
  check(administration, urlsOfSource(source), stored && urlsOfSource(stored));
}

/** What of a configuration cannot be called as things are, but for what is stored already. */
export function calledUrlProblems(desired: Desired, administration: Administration, store: ResourceStore): readonly PlacedProblem[] {
  const problems: PlacedProblem[] = [];
  const add = (path: string, urls: CalledUrls, stored: CalledUrls | undefined): void => {
    for (const { path: member, ...problem } of blockedIn(administration, urls, stored)) problems.push({ path: path + member, ...problem });
  };
  for (const [application, { subscriptions }] of desired.applications) {
    for (const { name, path, settings, authentication } of subscriptions.flatMap(({ endpoints }) => endpoints)) {
      const stored = store.get('endpoint', name, application)?.spec;
      add(path, urlsOfEndpoint({ ...settings, authentication }), stored && urlsOfEndpoint(stored));
    }
    for (const { name, path, settings } of subscriptions.flatMap(({ sources }) => sources)) {
      const stored = store.get('source', name, application)?.spec;
      add(path, urlsOfSource(settings), stored && urlsOfSource(stored));
    }
  }
  return problems;
}

function urlsOfEndpoint({ url, authentication }: CallingEndpoint): CalledUrls {
  return { '/url': url, '/authentication/tokenUrl': authentication?.tokenUrl };
}

function urlsOfSource({ topic }: CallingSource): CalledUrls {
  return { '/topic/url': topic?.url };
}

function check(administration: Administration, urls: CalledUrls, stored: CalledUrls | undefined): void {
  const problems = blockedIn(administration, urls, stored);
  if (problems.length > 0) throw refusalOf('BAD_REQUEST', problems);
}

function blockedIn(administration: Administration, urls: CalledUrls, stored: CalledUrls = {}): readonly BlockedUrl[] {
  return Object.entries(urls).flatMap(([path, url]) => {
    if (url === undefined || url === stored[path]) return [];
    const sentence = administration.urlFault(url);
    return sentence === undefined ? [] : [{ path, sentence, failure: 'blocked' }];
  });
}
