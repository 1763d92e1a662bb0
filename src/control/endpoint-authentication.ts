import { createSecureContext } from 'node:tls';
import type { AuthenticationSpec, Resource, Sealed } from '../store/resources.ts';
import type { Sealer } from '../store/sealed.ts';
import type { WrittenAuthentication } from './config/authentication-shape.ts';
import { referenceTo, unresolvedIn } from './secret-options.ts';

type Named = Pick<Resource<'endpoint'>, 'parent' | 'name'>;

/** What is wrong with a member of an authentication, as a sentence that quotes no secret. */
export interface AuthenticationFault {
  readonly member: string;
  readonly sentence: string;
}

const secretMember = { basic: 'password', key: 'value', 'oauth2-client-credentials': 'clientSecret', mtls: 'key' } as const;

/** An authentication as it is stored; one whose secret came back as it was shown keeps that secret. */
export function storedAuthentication(
  written: WrittenAuthentication,
  endpoint: Named,
  { stored, sealer }: { readonly stored: AuthenticationSpec | undefined; readonly sealer: Sealer },
): AuthenticationSpec | AuthenticationFault {
  const member = secretMember[written.kind];
  const text = (written as Readonly<Record<string, unknown>>)[member] as string;
  const isShown = text === referenceOf(endpoint, member) && stored?.kind === written.kind;
  const sealed = isShown ? sealedIn(stored) : undefined;
  const [unresolved] = sealed === undefined ? unresolvedIn({ text }) : [];
  if (unresolved !== undefined) return { member, sentence: 'stands for a secret that is not known here; fill it in' };
  const spec = { ...written, [member]: sealed ?? { sealed: sealer.seal(text) } } as unknown as AuthenticationSpec;
  return certificateFault(spec, sealer) ?? spec;
}

/** An authentication as it may be shown: its secret as a reference that `storedAuthentication` takes back. */
export function shownAuthentication(endpoint: Named, spec: AuthenticationSpec): Readonly<Record<string, unknown>> {
  const member = secretMember[spec.kind];
  return { ...spec, [member]: referenceOf(endpoint, member) };
}

export function isAuthenticationFault(one: AuthenticationSpec | AuthenticationFault): one is AuthenticationFault {
  return 'sentence' in one;
}

function sealedIn(spec: AuthenticationSpec): Sealed {
  return (spec as unknown as Readonly<Record<string, Sealed>>)[secretMember[spec.kind]]!;
}

/** TLS itself says whether they can be used, and whether certificate and key belong together. */
function certificateFault(spec: AuthenticationSpec, sealer: Sealer): AuthenticationFault | undefined {
  if (spec.kind !== 'mtls') return undefined;
  const { certificate: cert, ca } = spec;
  const fault = (member: string, sentence: string): AuthenticationFault => ({ member, sentence });
  if (!isUsable({ cert })) return fault('certificate', 'is no certificate in PEM');
  if (ca !== undefined && (!ca.includes('-----BEGIN CERTIFICATE-----') || !isUsable({ ca })))
    return fault('ca', 'holds no certificate in PEM');
  const key = sealer.open(spec.key.sealed);
  if (!isUsable({ key })) return fault('key', 'is no private key in PEM without a passphrase');
  return isUsable({ cert, key }) ? undefined : fault('key', 'does not belong to the certificate');
}

function isUsable(options: Parameters<typeof createSecureContext>[0]): boolean {
  try {
    createSecureContext(options);
    return true;
  } catch {
    return false;
  }
}

function referenceOf({ parent, name }: Named, member: string): string {
  return referenceTo([parent, name, 'authentication', member]);
}
