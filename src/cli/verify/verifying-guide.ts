import type { Snippet } from './snippets/snippet.ts';

const introduction = `# Verifying webhooks

The code on this page is generated from \`src/cli/verify/snippets\`, where tests run all of it but Rust; \`sluice verify --snippet LANGUAGE\` prints the same.

A webhook of Sluice is signed as [Standard Webhooks](https://www.standardwebhooks.com) says, so that [its libraries](https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries)
verify it. Where you want no library, a function is enough. Whichever it is:

- **Verify the bytes as they came**, before any JSON parser: the signature is over \`webhook-id.webhook-timestamp.body\`, and JSON that was parsed and written
  again is another text. Frameworks that parse bodies have a way to get at the raw one.
- **Look at every signature.** While a secret is rotated, \`webhook-signature\` holds one for the new and one for the old, separated by a space. What begins with neither
  \`v1,\` nor \`v1a,\` is passed over.
- **Refuse what is old**, here more than five minutes, or somebody who recorded a webhook can send it again. Remember the \`webhook-id\` of what you have processed for as long: it is the same
  for every attempt to deliver an event, so that a repetition is recognised.
- **Compare in constant time**, and answer 2xx only for what you have taken.

Secrets are \`whsec_\` and base64: what is behind the prefix, decoded, is the key. An endpoint with an Ed25519 key (\`whsk_…\`) signs \`v1a\`, and you hold only its public half, \`whpk_…\`, with which
nobody can sign; pin it, and do not fetch a key that the webhook itself names.

## When it does not fit

\`sluice verify\` judges a webhook by hand, and looks for the change that would make it hold:

\`\`\`sh
sluice verify --secret whsec_… --request request.http
\`\`\`

\`\`\`text
The secret is right, but the body was changed: it fits as compact JSON, so it was parsed and written again: verify the bytes as they came, before any JSON parser.
\`\`\`

The file holds the request as it came: headers, an empty line, and the body. It knows the signatures of GitHub, Stripe, Slack, Shopify, Twilio, SendGrid, Adyen and WebSub as well, by their headers or \`--style\`.`;

/** The text of docs/guides/verifying-webhooks.md. */
export function verifyingGuide(snippets: readonly Snippet[]): string {
  const languages = [...new Set(snippets.map(({ title }) => title))];
  const sections = languages.map((title) =>
    section(
      title,
      snippets.filter((snippet) => snippet.title === title),
    ),
  );
  return `${[introduction, ...sections].join('\n\n')}\n`;
}

function section(title: string, ofLanguage: readonly Snippet[]): string {
  const [first] = ofLanguage;
  const parts = ofLanguage.map((snippet) => {
    const kind = snippet.scheme === 'v1' ? 'With a shared secret' : 'With a public key';
    const needs = snippet.needs === '' ? '' : `; needs ${snippet.needs}`;
    return `${kind} (\`${snippet.scheme}\`)${needs}:\n\n\`\`\`${snippet.highlight}\n${snippet.code.trimEnd()}\n\`\`\``;
  });
  return [`## ${title}`, `\`${first?.file ?? ''}\``, ...parts].join('\n\n');
}
