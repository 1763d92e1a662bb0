import type { Snippet } from './snippet.ts';

const common = { language: 'python', title: 'Python', file: 'verify_webhook.py', highlight: 'python' } as const;

export const pythonShared: Snippet = {
  ...common,
  scheme: 'v1',
  needs: '',
  code: `import base64
import hashlib
import hmac
import re
import time


def verify_webhook(headers, body, secret):
    """Returns the webhook's id or raises ValueError. Names of headers in lower case; body: the bytes as they came."""
    webhook_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if webhook_id == "" or "." in webhook_id:
        raise ValueError("webhook-id is missing or malformed")
    if not re.fullmatch("[0-9]{1,12}", timestamp) or abs(time.time() - int(timestamp)) > 300:
        raise ValueError("webhook-timestamp is missing or too far from now")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    for part in headers.get("webhook-signature", "").split(" "):
        version, _, signature = part.partition(",")
        if version == "v1" and hmac.compare_digest(signature.encode(), expected):
            return webhook_id
    raise ValueError("no signature fits")
`,
};

export const pythonPublic: Snippet = {
  ...common,
  scheme: 'v1a',
  needs: 'the package `cryptography`',
  code: `import base64
import re
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def verify_webhook(headers, body, public_key):
    """Returns the webhook's id or raises ValueError. Names of headers in lower case; body: the bytes as they came."""
    webhook_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if webhook_id == "" or "." in webhook_id:
        raise ValueError("webhook-id is missing or malformed")
    if not re.fullmatch("[0-9]{1,12}", timestamp) or abs(time.time() - int(timestamp)) > 300:
        raise ValueError("webhook-timestamp is missing or too far from now")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    for part in headers.get("webhook-signature", "").split(" "):
        version, _, signature = part.partition(",")
        if version != "v1a":
            continue
        try:
            key.verify(base64.b64decode(signature), signed)
            return webhook_id
        except (InvalidSignature, ValueError):
            continue
    raise ValueError("no signature fits")
`,
};
