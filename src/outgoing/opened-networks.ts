import { AddressGuard } from './address-guard.ts';
import { nameRefusal } from './host-names.ts';
import type { UrlRules } from './outgoing-url.ts';

/** What may be called, by what an operator opens: ranges such as `10.1.0.0/16`, and names of private networks such as `svc.cluster.local`, with all below
 * them; throws an Error with a sentence for any other text. A name alone opens no address. */
export function openedNetworks(opened: readonly string[]): Pick<UrlRules, 'guard' | 'openedNames'> {
  const names = opened.filter(isName).map((name) => name.toLowerCase());
  for (const name of names) {
    const refusal = nameRefusal(name, []);
    if (refusal === 'metadata') throw new Error(`"${name}" hands out credentials of cloud machines; it is never called.`);
    if (refusal === undefined) throw new Error(`"${name}" is no name of a private network; open the range of its addresses.`);
  }
  return { guard: new AddressGuard(opened.filter((text) => !isName(text))), openedNames: names };
}

/** Whether the last label has a letter, as in no notation of an IPv4 address without 0x. */
function isName(text: string): boolean {
  return /^(?:[a-z0-9_-]{1,63}\.)*[a-z][a-z0-9-]{0,62}$/i.test(text);
}
