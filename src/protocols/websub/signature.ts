import { createHmac, timingSafeEqual } from 'node:crypto';

/** The names of WebSub, section 7.1.1, the weakest first. */
const methods = ['sha1', 'sha256', 'sha384', 'sha512'] as const;

/** A hash function for the HMAC. */
export type SignatureMethod = (typeof methods)[number];

/**
 * What a signature says of a body. `malformed`: neither a known method nor hexadecimal digits of its length;
 * `weak`: a method below the least that is taken.
 */
export type SignatureFinding = 'valid' | 'missing' | 'malformed' | 'weak' | 'wrong';

const form = /^(sha1|sha256|sha384|sha512)=([0-9a-fA-F]+)$/;
/** SHA-512 in hexadecimal digits with its name, and then some. */
const maxHeaderChars = 200;

/** Whether a text is the name of a method that WebSub knows. */
export function isSignatureMethod(text: string): text is SignatureMethod {
  return methods.some((method) => method === text);
}

/** The value of X-Hub-Signature: method and HMAC over the exact bytes of the body, the key being the secret's UTF-8 (WebSub, section 7.1). */
export function signBody(method: SignatureMethod, secret: string, body: Uint8Array): string {
  return `${method}=${createHmac(method, secret).update(body).digest('hex')}`;
}

/**
 * Checks an X-Hub-Signature against every secret that is live: while a renewal with a new one is not verified, the hub signs with the
 * old. The method is the sender's choice (section 7.1.2), but none below `minimum`.
 */
export function checkSignature(
  header: string | undefined,
  body: Uint8Array,
  secrets: readonly string[],
  minimum: SignatureMethod = 'sha1',
): SignatureFinding {
  if (header === undefined || header === '') return 'missing';
  const match = header.length > maxHeaderChars ? null : form.exec(header);
  const method = match?.[1];
  if (method === undefined || !isSignatureMethod(method)) return 'malformed';
  if (methods.indexOf(method) < methods.indexOf(minimum)) return 'weak';
  const digits = match?.[2] ?? '';
  let found: SignatureFinding = 'wrong';
  for (const secret of secrets) {
    const expected = createHmac(method, secret).update(body).digest();
    if (digits.length !== 2 * expected.length) return 'malformed';
    if (timingSafeEqual(Buffer.from(digits, 'hex'), expected)) found = 'valid';
  }
  return found;
}
