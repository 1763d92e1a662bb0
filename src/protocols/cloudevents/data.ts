import { isUtf8 } from 'node:buffer';
import { JsonError } from '../json/json-error.ts';
import { JsonReader } from '../json/json-reader.ts';
import { CloudEventError } from './cloud-event-error.ts';
import { isJsonType, isTextType, isUtf8Charset, parseMediaType } from './content-type.ts';

/**
 * What bytes of this declared content type are, so that the JSON format can carry them: JSON types must hold one JSON value,
 * text must be UTF-8 to be called text, and everything else (other charsets too) is binary. Throws CloudEventError at `data`.
 */
export function kindOfBytes(bytes: Uint8Array, datacontenttype: string | undefined): 'json' | 'text' | 'binary' {
  if (datacontenttype === undefined) return 'binary';
  const media = parseMediaType(datacontenttype);
  if (media === undefined || !isUtf8Charset(media)) return 'binary';
  if (!isJsonType(media)) return isTextType(media) && isUtf8(bytes) ? 'text' : 'binary';
  checkJson(bytes);
  return 'json';
}

function checkJson(bytes: Uint8Array): void {
  try {
    const reader = new JsonReader(bytes);
    reader.skip();
    reader.end();
  } catch (thrown) {
    if (thrown instanceof JsonError) throw new CloudEventError('data', `it is declared to be JSON, but ${thrown.message}`, thrown);
    throw thrown;
  }
}
