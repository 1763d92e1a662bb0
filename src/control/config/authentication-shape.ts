import type { AuthenticationSpec, Sealed } from '../../store/resources.ts';
import { headerValue, ownedHeaderName } from './header-shape.ts';
import { outgoingUrl } from './outgoing-url-shape.ts';
import { choice, text } from './scalars.ts';
import type { Shape } from './shape.ts';
import { fallback, isRecord, object, optional, required } from './shape.ts';

type Plain<T> = { readonly [K in keyof T]: T[K] extends Sealed ? string : T[K] };
type PlainEach<T> = T extends unknown ? Plain<T> : never;

/** As it is stored, but with its secrets as they are, or as the `${env:…}` under which an export names a stored one. */
export type WrittenAuthentication = PlainEach<AuthenticationSpec>;

/** Never quoted. */
function secret(max: number): Shape<string> {
  return {
    decode(value, place) {
      if (typeof value !== 'string' || value === '') return place.report('must be text that is not empty');
      if (value.length > max) return place.report(`has more than ${max} characters`);
      return value.isWellFormed() && !value.includes('\0') ? value : place.report('holds broken Unicode');
    },
    schema: () => ({ type: 'string', title: 'secret', minLength: 1, maxLength: max }),
  };
}

const pem = (what: string): Shape<string> => text({ title: what, min: 1, max: 64 * 1024 });
const clientText = text({ min: 1, max: 1024 });

const forms = {
  basic: object({
    kind: required(choice(['basic']), 'A name and a password.'),
    // RFC 7617, section 2: the first colon ends the name.
    user: required(text({ max: 255, pattern: { test: /^[^:]*$/, wanted: 'a name without a colon' } }), 'The name.'),
    password: required(secret(1024), 'The password, by `${env:NAME}` or `${file:PATH}`.'),
  }),
  key: object({
    kind: required(choice(['key']), 'A header that only Sluice can fill in, such as a key or a bearer token.'),
    header: required(ownedHeaderName, 'Its name, such as X-API-Key or Authorization.'),
    value: required(headerValue, 'The whole value, by `${env:NAME}` or `${file:PATH}`: for a bearer token `Bearer ${env:TOKEN}`.'),
  }),
  'oauth2-client-credentials': object({
    kind: required(choice(['oauth2-client-credentials']), 'A token of OAuth 2.0, which Sluice fetches and renews.'),
    tokenUrl: required(outgoingUrl, 'Where it is fetched.'),
    clientId: required(clientText, 'Who Sluice is there.'),
    clientSecret: required(secret(1024), 'The secret that goes with it, by `${env:NAME}` or `${file:PATH}`.'),
    scope: optional(clientText, 'What the token is for, several divided by blanks.'),
    audience: optional(clientText, 'Whom the token is for, where the server wants to know.'),
    style: fallback(choice(['basic', 'post']), 'basic', 'Whether the secret stands in the header Authorization or in the body.'),
  }),
  mtls: object({
    kind: required(choice(['mtls']), 'A certificate, shown in the TLS handshake.'),
    certificate: required(pem('PEM'), 'The certificate, with those that lead to its issuer (PEM), by `${file:PATH}`.'),
    key: required(secret(64 * 1024), 'Its private key (PEM), by `${env:NAME}` or `${file:PATH}`.'),
    ca: optional(pem('PEM'), 'Authorities that are trusted in place of the well-known ones (PEM).'),
  }),
} as const;

const kind = choice(Object.keys(forms) as (keyof typeof forms)[]);

/** One of several forms, told apart by `kind`. */
export const authentication: Shape<WrittenAuthentication> = {
  decode(value, place) {
    if (!isRecord(value)) return place.report(`must be an object with a \`kind\`, not ${place.quote(value)}`);
    const chosen = kind.decode(value['kind'], place.at('kind'));
    return chosen === undefined ? undefined : forms[chosen].decode(value, place);
  },
  schema: (form) => ({ anyOf: Object.values(forms).map((one) => one.schema(form)) }),
};
