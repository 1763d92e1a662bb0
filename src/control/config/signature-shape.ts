import type { ProviderStyle } from '../../push/provider-signature.ts';
import { choice } from './scalars.ts';
import type { Shape } from './shape.ts';
import { fallback, isRecord, object, optional } from './shape.ts';

export interface WrittenSignature {
  readonly style: 'standard' | ProviderStyle;
  /** Of the header with the signature. */
  readonly header: string | undefined;
}

const style = choice(['standard', 'github', 'github-sha1', 'stripe']);

/** A format of signatures by its name, or with another header; a header belongs to the provider's formats only. */
export function signatureShape(headerName: Shape<string>): Shape<WrittenSignature> {
  const named = object(
    {
      style: fallback(style, 'standard', 'The format.'),
      header: optional(headerName, "Another name for the header with the signature; not with standard. Default: the provider's."),
    },
    {
      check(value, place) {
        if (value.style === 'standard' && value.header !== undefined)
          place.at('header').report('cannot be given with the style standard, whose headers are what receivers know it by');
      },
    },
  );
  return {
    decode(value, place) {
      if (isRecord(value)) return named.decode(value, place);
      const decoded = style.decode(value, place);
      return decoded === undefined ? undefined : { style: decoded, header: undefined };
    },
    schema: (form) => ({ anyOf: [style.schema(form), named.schema(form)] }),
  };
}
