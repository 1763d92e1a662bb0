import { defineCommand, type Context } from '../command.ts';

const options = {
  secret: {
    type: 'string',
    multiple: true,
    value: 'SECRET',
    describe: 'a secret, public key or token, as the style has it; else SLUICE_WEBHOOK_SECRET',
  },
  style: { type: 'string', value: 'NAME', describe: 'who signs so: standard, github, stripe, …; else what the headers look like' },
  request: { type: 'string', value: 'FILE', describe: 'a whole request as it came: line, headers, an empty line, body; - for stdin' },
  header: { type: 'string', multiple: true, value: 'HEADER', describe: '"Name: value", where there is no whole request' },
  url: { type: 'string', value: 'URL', describe: 'where it was sent to, for styles that sign it' },
  tolerance: { type: 'string', value: 'TIME', default: '5m', describe: 'how far the time of the signature may be from now' },
  at: { type: 'string', value: 'TIME', describe: 'judge as at this time (RFC 3339) and not as now' },
  snippet: { type: 'string', value: 'LANGUAGE', describe: 'print how to verify Standard Webhooks in a language, and do nothing else' },
  scheme: { type: 'string', value: 'WORD', default: 'v1', describe: 'the snippet for v1 (shared secret) or v1a (public key)' },
} as const;

export type VerifyContext = Context<typeof options>;

/** Judges a webhook's signature, or prints how to. */
export const verify = defineCommand({
  name: 'verify',
  summary: "say whether a webhook's signature holds, and if not, why",
  details: `The body is read from a file or stdin, byte for byte, or comes with the whole request. When the signature does not hold, it
looks for the change that would make it hold: a line break too many, JSON that was parsed and written again, a secret
used in another way, a clock that is wrong. Exit code 7 when it does not hold.`,
  positionals: { usage: '[BODY]', min: 0, max: 1 },
  options,
  examples: [
    'sluice verify --secret whsec_… --request request.http',
    `sluice verify --secret whsec_… --header 'webhook-id: msg_1' --header 'webhook-timestamp: 1700000000' --header 'webhook-signature: v1,…' body.json`,
    'sluice verify --style github --secret hush --request - < request.http',
    'sluice verify --snippet python',
  ],
  async run(context) {
    if (context.values.snippet !== undefined) return (await import('../verify/show-snippet.ts')).showSnippet(context);
    return (await import('../verify/verify-webhook.ts')).verifyWebhook(context);
  },
});
