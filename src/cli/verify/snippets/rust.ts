import type { Snippet } from './snippet.ts';

export const rustShared: Snippet = {
  language: 'rust',
  title: 'Rust',
  scheme: 'v1',
  file: 'verify_webhook.rs',
  highlight: 'rust',
  needs: 'the crates `hmac` 0.12, `sha2` 0.10 and `base64` 0.22',
  code: `use base64::{engine::general_purpose::STANDARD, Engine};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the webhook's id or why it is refused; \`header\` finds a header by its name, \`body\` holds the bytes as they came.
pub fn verify_webhook<'a>(
    header: impl Fn(&str) -> Option<&'a str>,
    body: &[u8],
    secret: &str,
) -> Result<&'a str, &'static str> {
    let id = header("webhook-id").unwrap_or("");
    let timestamp = header("webhook-timestamp").unwrap_or("");
    if id.is_empty() || id.contains('.') {
        return Err("webhook-id is missing or malformed");
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let is_number = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
    match timestamp.parse::<u64>() {
        Ok(seconds) if is_number && now.abs_diff(seconds) <= 300 => (),
        _ => return Err("webhook-timestamp is missing or too far from now"),
    }
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap_or(secret))
        .map_err(|_| "the secret is not base64")?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| "the secret is malformed")?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    for part in header("webhook-signature").unwrap_or("").split(' ') {
        let Some(("v1", signature)) = part.split_once(',') else { continue };
        let Ok(given) = STANDARD.decode(signature) else { continue };
        if mac.clone().verify_slice(&given).is_ok() {
            return Ok(id);
        }
    }
    Err("no signature fits")
}
`,
};
