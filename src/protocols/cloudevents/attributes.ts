import { parseMediaType } from './content-type.ts';
import { CloudEventError } from './cloud-event-error.ts';
import { isTimestamp } from './timestamp.ts';
import { isUri, isUriReference } from './uri.ts';

/** Most extension attributes of one event: a guard against envelopes made of nothing else. */
export const maxExtensions = 128;

const attributeName = /^[a-z0-9]{1,64}$/;
const printableAscii = /^[\x20-\x7e]*$/;
const forbidden = /[\u0000-\u001f\u007f-\u009f\p{Noncharacter_Code_Point}\p{Surrogate}]/u;

/** Attributes that CloudEvents 1.0.2 defines itself, `specversion` left out. */
export type CoreAttribute = 'id' | 'source' | 'type' | 'subject' | 'time' | 'datacontenttype' | 'dataschema';

/** Throws unless the name may be an extension's (CloudEvents 1.0.2, naming conventions; up to 64 characters instead of the recommended 20). */
export function checkExtensionName(name: string): void {
  if (!attributeName.test(name)) {
    throw new CloudEventError(shown(name), 'an attribute name is made of 1 to 64 lower-case letters a to z and digits');
  }
  if (name === 'data') throw new CloudEventError('data', 'data cannot be an attribute');
}

/** Throws unless every character may stand in an attribute (CloudEvents 1.0.2, type String): no controls, noncharacters or lone surrogates. */
export function checkString(path: string, value: string): void {
  if (printableAscii.test(value)) return;
  if (forbidden.test(value)) {
    throw new CloudEventError(path, 'control characters, noncharacters and unpaired surrogates are not allowed in an attribute');
  }
}

/** Throws unless the value is one that CloudEvents 1.0.2 allows for this attribute. */
export function checkCore(name: CoreAttribute, value: string): void {
  if (value === '') throw new CloudEventError(name, 'it must not be empty; leave it out if it is optional');
  checkString(name, value);
  switch (name) {
    case 'source':
      if (!isUriReference(value)) throw new CloudEventError(name, 'it must be a URI-reference (RFC 3986); percent-encode other characters');
      break;
    case 'time':
      if (!isTimestamp(value)) throw new CloudEventError(name, 'it must be a date and time of RFC 3339 such as 2026-01-31T09:30:00Z');
      break;
    case 'datacontenttype':
      if (parseMediaType(value) === undefined) throw new CloudEventError(name, 'it must be a media type such as application/json');
      break;
    case 'dataschema':
      if (!isUri(value)) throw new CloudEventError(name, 'it must be an absolute URI (RFC 3986)');
      break;
    default:
  }
}

/** Throws unless the value is the one version there is. */
export function checkSpecVersion(value: string): void {
  if (value !== '1.0') throw new CloudEventError('specversion', 'it must be "1.0"');
}

/** A name fit for a sentence: cut, and without anything that could break a line or a log. */
export function shown(name: string): string {
  const cut = name.length > 64 ? `${name.slice(0, 64)}…` : name;
  return printableAscii.test(cut) ? cut : JSON.stringify(cut).replace(/[\u007f-\u{10ffff}]/gu, '?');
}
