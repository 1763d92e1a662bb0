import { isIP } from 'node:net';

/** What is to be said before the management API listens on an address. */
export interface ListenVerdict {
  /** It must not listen there, and why. */
  readonly refusal?: string;
  /** It may, and the operator should read this. */
  readonly warning?: string;
}

/** Loopback addresses are free; elsewhere the operator must have chosen an admin token, and is warned that HTTP is not encrypted. */
export function checkListenAddress(host: string, hasExplicitToken: boolean): ListenVerdict {
  if (isLoopback(host)) return {};
  if (!hasExplicitToken)
    return {
      refusal: `The management API listens on ${host} only with a token of your own: set SLUICE_ADMIN_TOKEN, or listen on 127.0.0.1.`,
    };
  return {
    warning: `The management API listens on ${host}, beyond this machine, without encryption: put a TLS proxy before it and let only administrators reach it.`,
  };
}

function isLoopback(host: string): boolean {
  const bare = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  if (bare === 'localhost' || bare === '::1' || bare === '0:0:0:0:0:0:0:1') return true;
  const mapped = bare.replace(/^::ffff:/, '');
  return isIP(mapped) === 4 && mapped.startsWith('127.');
}
