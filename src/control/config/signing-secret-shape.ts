import { parseSecret } from '../../protocols/standard-webhooks/secret.ts';
import { StandardWebhookError } from '../../protocols/standard-webhooks/standard-webhook-error.ts';
import { moment } from './scalars.ts';
import type { Shape } from './shape.ts';
import { isRecord, object, optional, required } from './shape.ts';

/** Secrets that may sign at once: every delivery carries a signature by each. */
export const maxSecrets = 8;

/** A secret as its owner copied it; never quoted, wherever it came from. */
export const signingSecret: Shape<string> = {
  decode(value, place) {
    if (typeof value !== 'string') return place.report('must be text: a secret such as whsec_ and 24 to 64 bytes in base64');
    try {
      if (parseSecret(value).kind === 'verification') return place.report('is a public key (whpk_), which cannot sign');
      return value.trim();
    } catch (error) {
      if (error instanceof StandardWebhookError) return place.report(error.message);
      throw error;
    }
  },
  schema: () => ({ type: 'string', title: 'secret', minLength: 1, maxLength: 256 }),
};

/** A secret, or the `${env:…}` under which an export names one that is stored. */
export const writtenSecret: Shape<string> = {
  decode: (value, place) =>
    place.form === 'body' && typeof value === 'string' && /^\$\{env:[A-Z0-9_]{1,400}\}$/.test(value)
      ? value
      : signingSecret.decode(value, place),
  schema: (form) => signingSecret.schema(form),
};

const endingSecret = object({
  value: required(writtenSecret, 'The secret, by `${env:NAME}` or `${file:PATH}`.'),
  expiresAt: optional(moment, 'When it stops signing.'),
});

export interface WrittenSecret {
  readonly value: string;
  readonly expiresAt: number | undefined;
}

/** A secret alone, or with its end. */
export const secretEntry: Shape<WrittenSecret> = {
  decode(value, place) {
    if (isRecord(value)) return endingSecret.decode(value, place);
    const secret = writtenSecret.decode(value, place);
    return secret === undefined ? undefined : { value: secret, expiresAt: undefined };
  },
  schema: (form) => ({ anyOf: [writtenSecret.schema(form), endingSecret.schema(form)] }),
};
