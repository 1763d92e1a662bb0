import type { Snippet } from './snippet.ts';

const common = { language: 'ruby', title: 'Ruby', file: 'verify_webhook.rb', highlight: 'ruby' } as const;

export const rubyShared: Snippet = {
  ...common,
  scheme: 'v1',
  needs: '',
  code: `require "openssl"

# Returns the webhook's id or raises ArgumentError. Names of headers in lower case; body: the bytes as they came.
def verify_webhook(headers, body, secret)
  id = headers.fetch("webhook-id", "")
  timestamp = headers.fetch("webhook-timestamp", "")
  raise ArgumentError, "webhook-id is missing or malformed" if id.empty? || id.include?(".")
  if !timestamp.match?(/\\A[0-9]{1,12}\\z/) || (Time.now.to_i - timestamp.to_i).abs > 300
    raise ArgumentError, "webhook-timestamp is missing or too far from now"
  end
  key = secret.delete_prefix("whsec_").unpack1("m")
  signed = "#{id}.#{timestamp}.".b + body.b
  expected = [OpenSSL::HMAC.digest("SHA256", key, signed)].pack("m0")
  headers.fetch("webhook-signature", "").split(" ").each do |part|
    version, signature = part.split(",", 2)
    return id if version == "v1" && OpenSSL.secure_compare(signature.to_s, expected)
  end
  raise ArgumentError, "no signature fits"
end
`,
};

export const rubyPublic: Snippet = {
  ...common,
  scheme: 'v1a',
  needs: 'Ruby 3 with OpenSSL 1.1.1 or newer',
  code: `require "openssl"

# Returns the webhook's id or raises ArgumentError. Names of headers in lower case; body: the bytes as they came.
def verify_webhook(headers, body, public_key)
  id = headers.fetch("webhook-id", "")
  timestamp = headers.fetch("webhook-timestamp", "")
  raise ArgumentError, "webhook-id is missing or malformed" if id.empty? || id.include?(".")
  if !timestamp.match?(/\\A[0-9]{1,12}\\z/) || (Time.now.to_i - timestamp.to_i).abs > 300
    raise ArgumentError, "webhook-timestamp is missing or too far from now"
  end
  # What stands before the 32 bytes of an Ed25519 key (RFC 8410).
  head = ["302a300506032b6570032100"].pack("H*")
  key = OpenSSL::PKey.read(head + public_key.delete_prefix("whpk_").unpack1("m"))
  signed = "#{id}.#{timestamp}.".b + body.b
  headers.fetch("webhook-signature", "").split(" ").each do |part|
    version, signature = part.split(",", 2)
    given = signature.to_s.unpack1("m")
    return id if version == "v1a" && given.bytesize == 64 && key.verify(nil, given, signed)
  end
  raise ArgumentError, "no signature fits"
end
`,
};
