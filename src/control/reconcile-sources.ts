import { isDeepStrictEqual } from 'node:util';
import type { Resource, SourceSpec } from '../store/resources.ts';
import type { PlacedProblem } from './config/place.ts';
import { pointerTo } from './config/place.ts';
import type { Desired, DesiredSource } from './desired.ts';
import { compact, creation, deletion, revision } from './draft.ts';
import { agreedSecrets } from './endpoint-secrets.ts';
import { isOpen } from './lifecycle.ts';
import type { Resources } from './outlook.ts';
import type { Work } from './reconcile.ts';
import { maxSources, offersWebhook, sourcesBySubscription, webhookEntrypoint } from './source-rules.ts';
import { mintSourceSecret, sealedSourceSecrets } from './source-secrets.ts';

/** Writes down what the sources of one subscription need; `seen` has the names the application has used up so far. */
export function reconcileSources(
  subscription: Resource<'subscription'>,
  sources: readonly DesiredSource[],
  seen: Set<string>,
  work: Work,
): void {
  const { application } = subscription.spec;
  for (const source of sources) {
    const { name, path } = source;
    if (seen.has(name)) {
      work.problems.push({ path, sentence: `the application already has a source ${name}; names are unique within an application` });
      continue;
    }
    seen.add(name);
    const current = work.current.get('source', name, application);
    const spec = wantedSpec(source, subscription, current?.spec, work);
    if (spec === undefined) continue;
    if (current === undefined) work.drafts.push(creation('source', { name, parent: application, spec }, work.now));
    else if (!isDeepStrictEqual(current.spec, compact(spec))) work.drafts.push(revision(current, spec, work.now));
  }
}

/** What the configuration does not name goes. */
export function pruneSources(desired: Desired, work: Work): void {
  for (const source of work.current.list('source')) {
    const subscriptions = desired.applications.get(source.parent)?.subscriptions ?? [];
    const isNamed = subscriptions.some(({ sources }) => sources.some(({ name }) => name === source.name));
    if (!isNamed) work.drafts.push(deletion(source));
  }
}

/** Sources of APIs that take no webhooks, or too many: those of the configuration, and others whose API it changes. */
export function sourceProblems(desired: Desired, outlook: Resources): readonly PlacedProblem[] {
  const problems: PlacedProblem[] = [];
  for (const [id, { length }] of sourcesBySubscription(outlook)) {
    const spec = outlook.get('subscription', id)?.spec;
    if (spec === undefined || !isOpen(spec.state)) continue;
    const { application, api } = spec;
    const named = desired.applications.get(application)?.subscriptions.find((one) => one.spec.api === api && one.spec.as === spec.as);
    const path = named?.path ?? `${pointerTo('/apis', api)}/entrypoints`;
    if (length > maxSources) problems.push({ path, sentence: `the subscription would have ${length} sources; ${maxSources} is the most` });
    // Of an API that is not there something better has been said.
    if (outlook.get('api', api) !== undefined && !offersWebhook(outlook, api))
      problems.push({ path, sentence: `sources need \`${webhookEntrypoint}\` among the entrypoints of the API ${api}` });
  }
  return problems;
}

/** What is not said of state and secrets stays as it is; undefined after a problem. */
function wantedSpec(
  { name, path, settings, state, secrets }: DesiredSource,
  { id, spec: { application } }: Resource<'subscription'>,
  current: SourceSpec | undefined,
  work: Work,
): SourceSpec | undefined {
  const problem = (member: string, sentence: string): undefined => {
    work.problems.push({ path: pointerTo(path, member), sentence });
    return undefined;
  };
  // The secrets of another provider say nothing here.
  const stored = current?.preset === settings.preset ? current.secrets : [];
  const source = { parent: application, name };
  const wanted = secrets && sealedSourceSecrets(secrets, { source, stored, sealer: work.sealer() });
  const known = (wanted ?? []).filter((secret) => secret !== undefined);
  if (known.length < (wanted ?? []).length)
    return problem('secret', `${secrets![wanted!.indexOf(undefined)]!.value} stands for a secret that is not known here; fill it in`);
  if (new Set(known.map(({ sealed }) => sealed)).size < known.length) return problem('secrets', 'names a secret twice');
  const made = stored.length > 0 || wanted !== undefined ? undefined : mintSourceSecret(settings);
  if (stored.length === 0 && wanted === undefined && made === undefined)
    return problem('secret', `is missing; with the preset ${settings.preset} it is the provider that makes it, so copy it from there`);
  const kept = made === undefined ? stored : [{ sealed: work.sealer().seal(made) }];
  return {
    ...settings,
    subscription: id,
    state: state ?? current?.state ?? 'started',
    secrets: wanted === undefined ? kept : agreedSecrets(known, stored),
  };
}
