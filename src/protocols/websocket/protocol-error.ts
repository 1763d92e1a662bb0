/** The other side broke RFC 6455 or a bound; the connection must be closed with `closeCode` (section 7.1.7). */
export class WebSocketProtocolError extends Error {
  override readonly name = 'WebSocketProtocolError';
  /** 1002 protocol error, 1007 text that is not UTF-8, 1009 too large. */
  readonly closeCode: 1002 | 1007 | 1009;

  constructor(closeCode: 1002 | 1007 | 1009, sentence: string) {
    super(sentence);
    this.closeCode = closeCode;
  }
}
