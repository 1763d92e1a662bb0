import { record } from './record-shape.ts';
import { text } from './scalars.ts';
import type { Shape } from './shape.ts';

const maxHeaders = 50;
const maxHeaderBytes = 8 * 1024;

/** Written by whoever owns the connection, says how the body is written, or is what receivers trust Sluice for. */
const ownHeader =
  /^(host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|accept-encoding|content-.*|webhook-.*|ce-.*)$/i;

const headerName = text({
  title: 'header name',
  min: 1,
  max: 100,
  pattern: { test: /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, wanted: 'the name of an HTTP header' },
});

/** Never quoted: it may be a password. */
export const headerValue: Shape<string> = {
  decode(value, place) {
    if (typeof value !== 'string') return place.report('must be text');
    if (value.length > 4096) return place.report('has more than 4096 characters');
    return /^[\t\u0020-\u007e\u0080-\u00ff]*$/.test(value) ? value : place.report('holds a character that HTTP does not allow in a header');
  },
  schema: () => ({ type: 'string', maxLength: 4096 }),
};

/** A header that Sluice sets, by a name of the owner's. */
export const ownedHeaderName: Shape<string> = {
  decode(value, place) {
    const name = headerName.decode(value, place);
    return name !== undefined && ownHeader.test(name) ? place.report('is set by Sluice itself and cannot be given') : name;
  },
  schema: (form) => headerName.schema(form),
};

/** Headers by name, besides those that Sluice sets. */
export const headers = record(headerName, headerValue, (given, place) => {
  const names = Object.keys(given);
  for (const name of names) {
    if (ownHeader.test(name)) place.at(name).report('is set by Sluice itself and cannot be given');
  }
  if (names.length > maxHeaders) place.report(`has ${names.length} headers; at most ${maxHeaders} are taken`);
  if (new Set(names.map((name) => name.toLowerCase())).size < names.length) place.report('names a header twice');
  const bytes = Object.entries(given).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (bytes > maxHeaderBytes) place.report(`has more than ${maxHeaderBytes / 1024} KiB of headers`);
});
