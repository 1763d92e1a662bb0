import { isDeepStrictEqual } from 'node:util';
import type { EndpointSpec, Resource } from '../store/resources.ts';
import { pointerTo } from './config/place.ts';
import type { Desired, DesiredEndpoint } from './desired.ts';
import { compact, creation, deletion, revision } from './draft.ts';
import { isAuthenticationFault, storedAuthentication } from './endpoint-authentication.ts';
import { agreedSecrets, changeOfStyleFault, keptHeaders, mintSecret, sealedAs } from './endpoint-secrets.ts';
import type { Work } from './reconcile.ts';
import { unresolvedIn } from './secret-options.ts';

/** Writes down what the endpoints of one subscription need; `seen` has the names the application has used up so far. */
export function reconcileEndpoints(
  subscription: Resource<'subscription'>,
  endpoints: readonly DesiredEndpoint[],
  seen: Set<string>,
  work: Work,
): void {
  const { application } = subscription.spec;
  for (const endpoint of endpoints) {
    const { name, path } = endpoint;
    if (seen.has(name)) {
      work.problems.push({ path, sentence: `the application already has an endpoint ${name}; names are unique within an application` });
      continue;
    }
    seen.add(name);
    const current = work.current.get('endpoint', name, application);
    const spec = wantedSpec(endpoint, subscription, current?.spec, work);
    if (spec === undefined) continue;
    if (current === undefined) work.drafts.push(creation('endpoint', { name, parent: application, spec }, work.now));
    else if (!isDeepStrictEqual(current.spec, compact(spec))) work.drafts.push(revision(current, spec, work.now));
  }
}

/** What the configuration does not name goes, but for WebSub subscriptions, which are their subscribers' own. */
export function pruneEndpoints(desired: Desired, work: Work): void {
  for (const endpoint of work.current.list('endpoint')) {
    const subscriptions = desired.applications.get(endpoint.parent)?.subscriptions ?? [];
    const isNamed = subscriptions.some(({ endpoints }) => endpoints.some(({ name }) => name === endpoint.name));
    if (!isNamed && endpoint.spec.websub === undefined) work.drafts.push(deletion(endpoint));
  }
}

/** What is not said of state and secrets stays as it is; undefined after a problem. */
function wantedSpec(
  { name, path, settings, authentication, state, secrets }: DesiredEndpoint,
  { id, spec: { application } }: Resource<'subscription'>,
  current: EndpointSpec | undefined,
  work: Work,
): EndpointSpec | undefined {
  const named = { parent: application, name };
  const stored = current?.secrets ?? [];
  const headers = keptHeaders(named, settings.headers, current?.headers ?? {});
  const [unresolved] = unresolvedIn(headers);
  const wanted = secrets && sealedAs(secrets, named, stored, work.sealer());
  const known = (wanted ?? []).filter((secret) => secret !== undefined);
  if (unresolved !== undefined || known.length < (wanted ?? []).length) {
    const member = unresolved === undefined ? 'secret' : 'headers';
    work.problems.push({
      path: pointerTo(path, member),
      sentence: `${unresolved ?? secrets![wanted!.indexOf(undefined)]!.value} stands for a secret that is not known here; fill it in`,
    });
    return undefined;
  }
  if (new Set(known.map(({ sealed }) => sealed)).size < known.length) {
    work.problems.push({ path: pointerTo(path, 'secrets'), sentence: 'names a secret twice' });
    return undefined;
  }
  const made = wanted === undefined && current === undefined ? [{ sealed: work.sealer().seal(mintSecret()) }] : stored;
  const agreed = wanted === undefined ? made : agreedSecrets(known, stored);
  const shown = authentication && storedAuthentication(authentication, named, { stored: current?.authentication, sealer: work.sealer() });
  if (shown !== undefined && isAuthenticationFault(shown)) {
    const { member, sentence } = shown;
    work.problems.push({ path: pointerTo(pointerTo(path, 'authentication'), member), sentence });
    return undefined;
  }
  const fault = current && changeOfStyleFault(current, { ...settings, secrets: agreed }, { sealer: work.sealer(), now: work.now });
  if (fault !== undefined) {
    work.problems.push({ path: pointerTo(path, 'signature'), sentence: fault });
    return undefined;
  }
  return {
    ...settings,
    headers,
    ...(shown && { authentication: shown }),
    subscription: id,
    state: state ?? current?.state ?? 'started',
    secrets: agreed,
  };
}
