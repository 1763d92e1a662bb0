import { AddressGuard } from '../../outgoing/address-guard.ts';
import { checkOutgoingUrl } from '../../outgoing/outgoing-url.ts';
import { text } from './scalars.ts';
import type { Shape } from './shape.ts';

const urlText = text({ title: 'URL', min: 1, max: 4096, examples: ['https://example.com/hooks/orders'] });
const guard = new AddressGuard();

/** Whether it can be called at all; whether its address may be called is judged when it is, since names change theirs. */
export const outgoingUrl: Shape<string> = {
  decode(value, place) {
    const given = urlText.decode(value, place);
    if (given === undefined) return undefined;
    const checked = checkOutgoingUrl(given, { guard });
    const isWrong = 'refusal' in checked && ['malformed', 'too-long', 'scheme', 'credentials', 'port'].includes(checked.refusal.reason);
    return isWrong ? place.report(checked.refusal.sentence) : given;
  },
  schema: (form) => urlText.schema(form),
};
