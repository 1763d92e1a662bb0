import type { Snippet } from './snippet.ts';

const common = { language: 'php', title: 'PHP', file: 'verify_webhook.php', highlight: 'php' } as const;

export const phpShared: Snippet = {
  ...common,
  scheme: 'v1',
  needs: '',
  code: `<?php

/** Returns the webhook's id or throws. Names of headers in lower case; $body: file_get_contents('php://input'). */
function verify_webhook(array $headers, string $body, string $secret): string
{
    $id = $headers['webhook-id'] ?? '';
    $timestamp = $headers['webhook-timestamp'] ?? '';
    if ($id === '' || str_contains($id, '.')) {
        throw new UnexpectedValueException('webhook-id is missing or malformed');
    }
    if (!preg_match('/^[0-9]{1,12}$/D', $timestamp) || abs(time() - (int) $timestamp) > 300) {
        throw new UnexpectedValueException('webhook-timestamp is missing or too far from now');
    }
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret));
    $expected = base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    foreach (explode(' ', $headers['webhook-signature'] ?? '') as $part) {
        [$version, $signature] = explode(',', $part, 2) + ['', ''];
        if ($version === 'v1' && hash_equals($expected, $signature)) {
            return $id;
        }
    }
    throw new UnexpectedValueException('no signature fits');
}
`,
};

export const phpPublic: Snippet = {
  ...common,
  scheme: 'v1a',
  needs: 'the extension `sodium`, which PHP brings',
  code: `<?php

/** Returns the webhook's id or throws. Names of headers in lower case; $body: file_get_contents('php://input'). */
function verify_webhook(array $headers, string $body, string $publicKey): string
{
    $id = $headers['webhook-id'] ?? '';
    $timestamp = $headers['webhook-timestamp'] ?? '';
    if ($id === '' || str_contains($id, '.')) {
        throw new UnexpectedValueException('webhook-id is missing or malformed');
    }
    if (!preg_match('/^[0-9]{1,12}$/D', $timestamp) || abs(time() - (int) $timestamp) > 300) {
        throw new UnexpectedValueException('webhook-timestamp is missing or too far from now');
    }
    $key = base64_decode(preg_replace('/^whpk_/', '', $publicKey));
    foreach (explode(' ', $headers['webhook-signature'] ?? '') as $part) {
        [$version, $signature] = explode(',', $part, 2) + ['', ''];
        $given = base64_decode($signature);
        if ($version === 'v1a' && strlen($given) === SODIUM_CRYPTO_SIGN_BYTES
            && sodium_crypto_sign_verify_detached($given, "$id.$timestamp.$body", $key)) {
            return $id;
        }
    }
    throw new UnexpectedValueException('no signature fits');
}
`,
};
