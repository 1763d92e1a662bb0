import type { AuthenticationSpec } from '../../store/resources.ts';

/** A client of a token server, its secret opened: RFC 6749, section 4.4. */
export interface OAuthClient {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string | undefined;
  readonly audience: string | undefined;
  /** Whether the secret stands in the header Authorization or in the body. */
  readonly style: 'basic' | 'post';
}

/** What an endpoint is shown, secrets opened. */
export type Authentication =
  | { readonly kind: 'header'; readonly header: string; readonly value: string }
  | { readonly kind: 'token'; readonly client: OAuthClient }
  | { readonly kind: 'certificate'; readonly cert: string; readonly key: string; readonly ca: string | undefined };

/** Opens what is sealed; throws what `open` does. */
export function openAuthentication(spec: AuthenticationSpec, open: (sealed: string) => string): Authentication {
  switch (spec.kind) {
    case 'basic':
      return { kind: 'header', header: 'Authorization', value: basicCredentials(spec.user, open(spec.password.sealed)) };
    case 'key':
      return { kind: 'header', header: spec.header, value: open(spec.value.sealed) };
    case 'oauth2-client-credentials': {
      const { tokenUrl, clientId, scope, audience, style } = spec;
      return { kind: 'token', client: { tokenUrl, clientId, clientSecret: open(spec.clientSecret.sealed), scope, audience, style } };
    }
    case 'mtls':
      return { kind: 'certificate', cert: spec.certificate, key: open(spec.key.sealed), ca: spec.ca };
  }
}

/** The header that carries it, undefined where none does. */
export function headerOf(authentication: Authentication): string | undefined {
  if (authentication.kind === 'certificate') return undefined;
  return authentication.kind === 'token' ? 'Authorization' : authentication.header;
}

/** The value of Authorization (RFC 7617), in UTF-8. */
export function basicCredentials(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`;
}
