import { moment } from './scalars.ts';
import type { WrittenSecret } from './signing-secret-shape.ts';
import type { Shape } from './shape.ts';
import { isRecord, object, optional, required } from './shape.ts';

/** A public key in PEM with room to spare. */
const maxLength = 4096;

/** A secret, token or public key as its owner copied it from the provider; never quoted. What it must be, depends on the preset. */
export const sourceSecret: Shape<string> = {
  decode(value, place) {
    if (typeof value !== 'string') return place.report('must be text: the secret as the provider shows it');
    const secret = value.trim();
    if (secret === '') return place.report('must not be empty');
    return secret.length > maxLength ? place.report(`has more than ${maxLength} characters`) : secret;
  },
  schema: () => ({ type: 'string', title: 'secret', minLength: 1, maxLength }),
};

/** Whether a text is the `${env:…}` under which an export names a secret that is stored. */
export function isSecretReference(text: string): boolean {
  return /^\$\{env:[A-Z0-9_]{1,400}\}$/.test(text);
}

const endingSecret = object({
  value: required(sourceSecret, 'The secret, by `${env:NAME}` or `${file:PATH}`.'),
  expiresAt: optional(moment, 'When it is no longer believed.'),
});

/** A secret alone, or with its end. */
export const sourceSecretEntry: Shape<WrittenSecret> = {
  decode(value, place) {
    if (isRecord(value)) return endingSecret.decode(value, place);
    const secret = sourceSecret.decode(value, place);
    return secret === undefined ? undefined : { value: secret, expiresAt: undefined };
  },
  schema: (form) => ({ anyOf: [sourceSecret.schema(form), endingSecret.schema(form)] }),
};
