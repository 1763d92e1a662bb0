import { parseSecret } from '../../protocols/standard-webhooks/secret.ts';
import { StandardWebhookError } from '../../protocols/standard-webhooks/standard-webhook-error.ts';
import { providerSecretFault } from '../../push/provider-signature.ts';
import type { Place } from './place.ts';
import { moment } from './scalars.ts';
import type { Shape } from './shape.ts';
import { isRecord, object, optional, required } from './shape.ts';
import type { WrittenSignature } from './signature-shape.ts';

/** Secrets that may sign at once: every delivery carries a signature by each. */
export const maxSecrets = 8;

const maxLength = 256;

/** A secret as its owner copied it; never quoted, wherever it came from. Whether it can sign depends on the format: see `secretFault`. */
export const signingSecret: Shape<string> = {
  decode(value, place) {
    if (typeof value !== 'string') return place.report('must be text: a secret such as whsec_ and 24 to 64 bytes in base64');
    const secret = value.trim();
    if (secret === '') return place.report('The secret is empty.');
    return secret.length > maxLength ? place.report(`The secret is longer than ${maxLength} characters.`) : secret;
  },
  schema: () => ({ type: 'string', title: 'secret', minLength: 1, maxLength }),
};

const reference = /^\$\{env:[A-Z0-9_]{1,400}\}$/;

/** What is wrong with a secret for a format of signatures, as a sentence that does not quote it; undefined when it can sign. */
export function secretFault(style: WrittenSignature['style'], secret: string): string | undefined {
  if (reference.test(secret)) return 'stands for a secret that is not known here; fill it in';
  if (style !== 'standard') return providerSecretFault(style, secret);
  try {
    return parseSecret(secret).kind === 'verification' ? 'is a public key (whpk_), which cannot sign' : undefined;
  } catch (error) {
    if (error instanceof StandardWebhookError) return error.message;
    throw error;
  }
}

/** A secret, or the `${env:…}` under which an export names one that is stored. */
export const writtenSecret: Shape<string> = {
  decode: (value, place) => (isReference(value, place) ? value : signingSecret.decode(value, place)),
  schema: (form) => signingSecret.schema(form),
};

/** Reports what is wrong with a secret that was written for a format of signatures. */
export function checkWrittenSecret(secret: string, style: WrittenSignature['style'], place: Place): void {
  const fault = isReference(secret, place) ? undefined : secretFault(style, secret);
  if (fault !== undefined) place.report(fault);
}

/** An export names stored secrets so; a file that comes from people has been filled in. */
function isReference(value: unknown, place: Place): value is string {
  return place.form === 'body' && typeof value === 'string' && reference.test(value);
}

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
