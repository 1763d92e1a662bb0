import { optionalHeader } from '../standard-webhooks/one-header.ts';
import { refused, type Verdict } from '../standard-webhooks/verdict.ts';
import type { CloudEvent } from '../cloudevents/cloud-event.ts';
import { HmacScheme, type HmacAlgorithm } from './hmac-scheme.ts';
import type { ProviderWebhook, WebhookRequest } from './provider-webhook.ts';
import { contentType, digestId, eventType, firstOf, isForm, providerEvent, uriPart } from './provider-event.ts';
import { fieldReader } from './read-fields.ts';

const scheme = (header: string, algorithm: HmacAlgorithm): HmacScheme =>
  new HmacScheme({ header, prefix: `${algorithm}=`, algorithm, encoding: 'hex', idHeader: 'X-GitHub-Delivery' });

const sha256 = scheme('X-Hub-Signature-256', 'sha256');
const sha1 = scheme('X-Hub-Signature', 'sha1');

/**
 * GitHub: `X-Hub-Signature-256`, an HMAC over the body. No time is signed, and neither are the headers: a replayed body may come with
 * another `X-GitHub-Delivery` or `X-GitHub-Event`.
 */
export const github: ProviderWebhook = {
  name: 'github',
  isIdSigned: false,
  secretFault: (secret) => sha256.secretFault(secret),
  verify(request, secrets, believing) {
    if (request.headers['x-hub-signature-256'] === undefined && request.headers['x-hub-signature'] !== undefined) {
      return refused(
        'NO_KNOWN_SIGNATURE',
        'Only the old X-Hub-Signature (SHA-1) is there. Whoever must accept it chooses the preset github-sha1.',
      );
    }
    return withId(sha256.verify(request, secrets, believing), request);
  },
  toEvents,
  sign: (outgoing, secrets) => sha256.sign(outgoing, secrets),
};

/** The same for old GitHub Enterprise servers, which sign with SHA-1 only; SHA-256 counts wherever it is sent. */
export const githubSha1: ProviderWebhook = {
  name: 'github-sha1',
  isIdSigned: false,
  secretFault: (secret) => sha1.secretFault(secret),
  verify(request, secrets, believing) {
    const chosen = request.headers['x-hub-signature-256'] === undefined ? sha1 : sha256;
    return withId(chosen.verify(request, secrets, believing), request);
  },
  toEvents,
  sign: (outgoing, secrets) => ({ ...sha1.sign(outgoing, secrets), ...sha256.sign(outgoing, secrets) }),
};

function withId(verdict: Verdict, { body }: WebhookRequest): Verdict {
  return verdict.ok ? { ...verdict, id: verdict.id ?? digestId(body) } : verdict;
}

const read = fieldReader([
  'action',
  'ref',
  'ref_type',
  'repository.html_url',
  'organization.login',
  'enterprise.html_url',
  'installation.account.html_url',
  'comment.updated_at',
  'pull_request.number',
  'pull_request.updated_at',
  'issue.number',
  'issue.updated_at',
  'discussion.number',
  'discussion.updated_at',
  'release.tag_name',
  'workflow_run.id',
  'workflow_run.updated_at',
  'check_run.id',
  'check_suite.id',
  'deployment.id',
]);

/**
 * One event. id: `X-GitHub-Delivery`, else a hash of the body. source: the page of the repository, else of the organisation, the enterprise or the account.
 * type: `com.github.<X-GitHub-Event>.<action>`, for `create` and `delete` the kind of ref instead of the action, else nothing more.
 * subject: the number, ref, tag or id of what it is about. time: when that was updated. data: the JSON, also when it came in a form.
 */
function toEvents({ headers, body }: WebhookRequest): readonly CloudEvent[] {
  const given = contentType(headers);
  const data = isForm(given) ? Buffer.from(new URLSearchParams(body.toString()).get('payload') ?? '') : body;
  const found = read(data);
  const event = optionalHeader(headers, 'x-github-event');
  const kind = found.action ?? (event === 'create' || event === 'delete' ? found.ref_type : undefined);
  const owner = found['organization.login'] === undefined ? undefined : `https://github.com/${uriPart(found['organization.login'])}`;
  return [
    providerEvent({
      id: optionalHeader(headers, 'x-github-delivery') ?? digestId(body),
      source:
        firstOf(found['repository.html_url'], owner, found['enterprise.html_url'], found['installation.account.html_url']) ??
        'https://github.com',
      type: kind === undefined ? `com.github.${eventType(event)}` : `com.github.${eventType(event, kind)}`,
      subject: firstOf(
        found['pull_request.number'],
        found['issue.number'],
        found['discussion.number'],
        found['release.tag_name'],
        found['workflow_run.id'],
        found['check_run.id'],
        found['check_suite.id'],
        found['deployment.id'],
        found.ref,
      ),
      time: firstOf(
        found['comment.updated_at'],
        found['pull_request.updated_at'],
        found['issue.updated_at'],
        found['discussion.updated_at'],
        found['workflow_run.updated_at'],
      ),
      datacontenttype: 'application/json',
      data,
    }),
  ];
}
