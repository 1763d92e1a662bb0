import type { Snippet } from './snippet.ts';

const common = { language: 'shell', title: 'Shell', file: 'verify-webhook.sh', highlight: 'bash' } as const;

const head = (kind: string): string => `#!/usr/bin/env bash
# verify-webhook.sh ID TIMESTAMP SIGNATURES ${kind} < BODY: prints the id, or fails. For a look by hand:
# other users of the machine can see the arguments.
set -euf -o pipefail
id=$1 timestamp=$2 signatures=$3 secret=$4

fail() { echo "$1" >&2; exit 1; }
[[ -n $id && $id != *.* ]] || fail 'webhook-id is missing or malformed'
[[ $timestamp =~ ^[0-9]{1,12}$ ]] || fail 'webhook-timestamp is missing'
age=$(($(date +%s) - 10#$timestamp))
((age <= 300 && age >= -300)) || fail 'webhook-timestamp is too far from now'
`;

export const shellShared: Snippet = {
  ...common,
  scheme: 'v1',
  needs: 'bash, OpenSSL and coreutils',
  code: `${head('SECRET')}
key=$(base64 -d <<<"\${secret#whsec_}" | od -An -v -tx1 | tr -d ' \\n')
expected=v1,$({ printf '%s.%s.' "$id" "$timestamp"; cat; } |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64 -w0)
for signature in $signatures; do
  if [[ $signature == "$expected" ]]; then echo "$id"; exit 0; fi
done
fail 'no signature fits'
`,
};

export const shellPublic: Snippet = {
  ...common,
  scheme: 'v1a',
  needs: 'bash, OpenSSL 3 and coreutils',
  code: `${head('PUBLIC_KEY')}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# What stands before the 32 bytes of an Ed25519 key (RFC 8410).
{ printf '\\x30\\x2a\\x30\\x05\\x06\\x03\\x2b\\x65\\x70\\x03\\x21\\x00'; base64 -d <<<"\${secret#whpk_}"; } >"$folder/key"
{ printf '%s.%s.' "$id" "$timestamp"; cat; } >"$folder/signed"
for signature in $signatures; do
  [[ $signature == v1a,* ]] || continue
  base64 -d <<<"\${signature#v1a,}" >"$folder/signature" 2>/dev/null || continue
  if openssl pkeyutl -verify -pubin -inkey "$folder/key" -keyform DER -rawin -in "$folder/signed" \\
    -sigfile "$folder/signature" >/dev/null 2>&1; then echo "$id"; exit 0; fi
done
fail 'no signature fits'
`,
};
