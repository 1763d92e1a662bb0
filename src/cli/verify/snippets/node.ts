import type { Snippet } from './snippet.ts';

const common = { language: 'node', title: 'Node.js', file: 'verify-webhook.mjs', highlight: 'js', needs: '' } as const;

export const nodeShared: Snippet = {
  ...common,
  scheme: 'v1',
  code: `import { createHmac, timingSafeEqual } from 'node:crypto';

/** Returns the webhook's id or throws. Names of headers in lower case; body: a Buffer with the bytes as they came. */
export function verifyWebhook(headers, body, secret) {
  const id = headers['webhook-id'] ?? '';
  const timestamp = headers['webhook-timestamp'] ?? '';
  if (id === '' || id.includes('.')) throw new Error('webhook-id is missing or malformed');
  if (!/^[0-9]{1,12}$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > 300)
    throw new Error('webhook-timestamp is missing or too far from now');
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(\`\${id}.\${timestamp}.\`).update(body).digest();
  for (const part of (headers['webhook-signature'] ?? '').split(' ')) {
    const [version, signature = ''] = part.split(',');
    const given = Buffer.from(signature, 'base64');
    if (version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected)) return id;
  }
  throw new Error('no signature fits');
}
`,
};

export const nodePublic: Snippet = {
  ...common,
  scheme: 'v1a',
  code: `import { createPublicKey, verify } from 'node:crypto';

/** Returns the webhook's id or throws. Names of headers in lower case; body: a Buffer with the bytes as they came. */
export function verifyWebhook(headers, body, publicKey) {
  const id = headers['webhook-id'] ?? '';
  const timestamp = headers['webhook-timestamp'] ?? '';
  if (id === '' || id.includes('.')) throw new Error('webhook-id is missing or malformed');
  if (!/^[0-9]{1,12}$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > 300)
    throw new Error('webhook-timestamp is missing or too far from now');
  const x = Buffer.from(publicKey.replace(/^whpk_/, ''), 'base64').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  const signed = Buffer.concat([Buffer.from(\`\${id}.\${timestamp}.\`), body]);
  for (const part of (headers['webhook-signature'] ?? '').split(' ')) {
    const [version, signature = ''] = part.split(',');
    if (version === 'v1a' && verify(null, signed, key, Buffer.from(signature, 'base64'))) return id;
  }
  throw new Error('no signature fits');
}
`,
};
