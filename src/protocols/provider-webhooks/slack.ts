import type { CloudEvent } from '../cloudevents/cloud-event.ts';
import { HmacScheme } from './hmac-scheme.ts';
import type { ChallengeAnswer, ProviderWebhook, WebhookRequest } from './provider-webhook.ts';
import { contentType, digestId, eventType, firstOf, isForm, providerEvent, uriPart } from './provider-event.ts';
import { fieldReader, unlessMalformed } from './read-fields.ts';

const scheme = new HmacScheme({
  header: 'X-Slack-Signature',
  prefix: 'v0=',
  algorithm: 'sha256',
  encoding: 'hex',
  timestampHeader: 'X-Slack-Request-Timestamp',
  template: 'v0:{timestamp}:{body}',
});

/**
 * Slack: `X-Slack-Signature: v0=<hex>` over `v0:timestamp:body`. The id is that of the event, or the trigger of a command or an
 * interaction, all within the signed body. A `url_verification` is signed like everything else and brings no event.
 */
export const slack: ProviderWebhook = {
  name: 'slack',
  isIdSigned: true,
  secretFault: (secret) => scheme.secretFault(secret),
  verify(request, secrets, believing) {
    const verdict = scheme.verify(request, secrets, believing);
    return verdict.ok ? { ...verdict, id: unlessMalformed(() => readMessage(request))?.id ?? digestId(request.body) } : verdict;
  },
  toEvents,
  sign: (outgoing, secrets) => scheme.sign(outgoing, secrets),
  challenge,
};

const openBrace = 0x7b;
/** Longest challenge that is answered, in characters; Slack's has 52. */
const challengeForm = /^[A-Za-z0-9_.-]{1,256}$/;

function challenge(request: WebhookRequest): ChallengeAnswer | undefined {
  const { type, challenge: text } = unlessMalformed(() => readMessage(request)) ?? {};
  if (type !== 'url_verification' || text === undefined || !challengeForm.test(text)) return undefined;
  return { status: 200, headers: { 'Content-Type': 'text/plain', 'X-Content-Type-Options': 'nosniff' }, body: text };
}

const read = fieldReader([
  'type',
  'challenge',
  'event_id',
  'event_time',
  'trigger_id',
  'team_id',
  'team.id',
  'user.id',
  'channel.id',
  'event.type',
  'event.subtype',
  'event.channel',
  'event.user',
]);

/** What the three shapes of Slack's requests have in common: events and challenges in JSON, interactions as JSON in a form, commands as a form. */
interface Message {
  readonly type: string | undefined;
  readonly challenge?: string | undefined;
  readonly id: string | undefined;
  readonly eventNames: readonly (string | undefined)[];
  readonly time?: string | undefined;
  readonly team: string | undefined;
  readonly subject: string | undefined;
  readonly data: Buffer;
  readonly datacontenttype: string | undefined;
}

function readMessage({ headers, body }: WebhookRequest): Message {
  const given = contentType(headers);
  // The type is not signed, and must not make something else of a body; no form of Slack's begins with a brace.
  if (!isForm(given) || body[0] === openBrace) return jsonMessage(body);
  const form = new URLSearchParams(body.toString());
  const payload = form.get('payload');
  if (payload !== null) return jsonMessage(Buffer.from(payload));
  return {
    type: 'command',
    id: form.get('trigger_id') ?? undefined,
    eventNames: ['command'],
    team: form.get('team_id') ?? undefined,
    subject: form.get('command') ?? undefined,
    data: body,
    datacontenttype: given,
  };
}

function jsonMessage(data: Buffer): Message {
  const found = read(data);
  const inner = found['event.subtype'] === undefined ? [found['event.type']] : [found['event.type'], found['event.subtype']];
  return {
    type: found.type,
    challenge: found.challenge,
    id: firstOf(found.event_id, found.trigger_id),
    eventNames: found.type === 'event_callback' ? inner : [found.type],
    time: found.event_time,
    team: firstOf(found.team_id, found['team.id']),
    subject: firstOf(found['event.channel'], found['channel.id'], found['event.user'], found['user.id']),
    data,
    datacontenttype: 'application/json',
  };
}

/**
 * One event. id: `event_id`, else `trigger_id`, else a hash of the body. source: the workspace. type: `com.slack.<event type>[.<subtype>]`,
 * `com.slack.command`, or for interactions `com.slack.<type>`. subject: the channel, else the user, or the command.
 * data: the JSON; of a command its form.
 */
function toEvents(request: WebhookRequest): readonly CloudEvent[] {
  const message = readMessage(request);
  if (message.type === 'url_verification') return [];
  const { team, time, subject, data, datacontenttype } = message;
  return [
    providerEvent({
      id: message.id ?? digestId(request.body),
      source: team === undefined ? 'https://slack.com' : `https://app.slack.com/client/${uriPart(team)}`,
      type: `com.slack.${eventType(...message.eventNames)}`,
      subject,
      time,
      datacontenttype,
      data,
    }),
  ];
}
