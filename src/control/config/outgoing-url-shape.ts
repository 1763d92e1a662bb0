import { AddressGuard } from '../../outgoing/address-guard.ts';
import { checkOutgoingUrl, type UrlRefusal } from '../../outgoing/outgoing-url.ts';
import { text } from './scalars.ts';
import type { Shape } from './shape.ts';

const guard = new AddressGuard();
/** What no operator can open. */
const neverCalled: ReadonlySet<UrlRefusal['reason']> = new Set(['malformed', 'too-long', 'scheme', 'credentials', 'port', 'metadata']);

/** A URL that can be called at all; whether its address may be called is judged when it is, since names change theirs and operators open ranges. */
export function outgoingUrlOf(most: number, example: string): Shape<string> {
  const urlText = text({ title: 'URL', min: 1, max: most, examples: [example] });
  return {
    decode(value, place) {
      const given = urlText.decode(value, place);
      if (given === undefined) return undefined;
      const checked = checkOutgoingUrl(given, { guard });
      return 'refusal' in checked && neverCalled.has(checked.refusal.reason) ? place.report(checked.refusal.sentence) : given;
    },
    schema: (form) => urlText.schema(form),
  };
}

/** Where an endpoint or a token server is. */
export const outgoingUrl = outgoingUrlOf(4096, 'https://example.com/hooks/orders');
