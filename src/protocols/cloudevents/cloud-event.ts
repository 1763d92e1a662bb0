/** Types an extension attribute may have in JSON (CloudEvents 1.0.2, type system; integers are 32 bit). */
export type ExtensionValue = string | number | boolean;

/**
 * A CloudEvent as this codec reads and writes it: checked attributes plus the data bytes as received. `json` data are the bytes of
 * a JSON value, `text` data the UTF-8 bytes of a string, `binary` data anything; undefined data means that there is none.
 */
export interface CloudEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string | undefined;
  /** RFC 3339, as received. */
  readonly time?: string | undefined;
  readonly datacontenttype?: string | undefined;
  readonly dataschema?: string | undefined;
  readonly extensions: Readonly<Record<string, ExtensionValue>>;
  readonly data: Uint8Array | undefined;
  readonly dataKind: 'json' | 'text' | 'binary';
}
