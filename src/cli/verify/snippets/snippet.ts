/** How a webhook is verified in one language: a function (for the shell, a script) to be copied. */
export interface Snippet {
  /** By which the command line names it. */
  readonly language: string;
  /** As people write it. */
  readonly title: string;
  /** `v1`: a shared secret, `whsec_…`; `v1a`: a public key, `whpk_…`. */
  readonly scheme: 'v1' | 'v1a';
  /** Of a file it can stand in. */
  readonly file: string;
  /** For code blocks in Markdown. */
  readonly highlight: string;
  /** What it needs besides the language's own library; empty for nothing. */
  readonly needs: string;
  readonly code: string;
}
