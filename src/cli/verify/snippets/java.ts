import type { Snippet } from './snippet.ts';

const common = { language: 'java', title: 'Java', file: 'WebhookVerifier.java', highlight: 'java', needs: '' } as const;

export const javaShared: Snippet = {
  ...common,
  scheme: 'v1',
  code: `import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Base64;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class WebhookVerifier {
    /** Returns the webhook's id or throws. Names of headers in lower case; body: the bytes as they came. */
    public static String verify(Map<String, String> headers, byte[] body, String secret) throws GeneralSecurityException {
        String id = headers.getOrDefault("webhook-id", "");
        String timestamp = headers.getOrDefault("webhook-timestamp", "");
        if (id.isEmpty() || id.contains(".")) throw new GeneralSecurityException("webhook-id is missing or malformed");
        if (!timestamp.matches("[0-9]{1,12}") || Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) > 300)
            throw new GeneralSecurityException("webhook-timestamp is missing or too far from now");
        byte[] key = Base64.getDecoder().decode(secret.replaceFirst("^whsec_", ""));
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        mac.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
        byte[] expected = Base64.getEncoder().encode(mac.doFinal(body));
        for (String part : headers.getOrDefault("webhook-signature", "").split(" ")) {
            String[] pieces = part.split(",", 2);
            if (pieces.length == 2 && pieces[0].equals("v1")
                    && MessageDigest.isEqual(pieces[1].getBytes(StandardCharsets.UTF_8), expected)) return id;
        }
        throw new GeneralSecurityException("no signature fits");
    }
}
`,
};

export const javaPublic: Snippet = {
  ...common,
  scheme: 'v1a',
  needs: 'Java 15 or newer',
  code: `import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;
import java.util.Map;

public final class WebhookVerifier {
    /** What stands before the 32 bytes of an Ed25519 key (RFC 8410). */
    private static final byte[] HEAD = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };

    /** Returns the webhook's id or throws. Names of headers in lower case; body: the bytes as they came. */
    public static String verify(Map<String, String> headers, byte[] body, String publicKey) throws GeneralSecurityException {
        String id = headers.getOrDefault("webhook-id", "");
        String timestamp = headers.getOrDefault("webhook-timestamp", "");
        if (id.isEmpty() || id.contains(".")) throw new GeneralSecurityException("webhook-id is missing or malformed");
        if (!timestamp.matches("[0-9]{1,12}") || Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) > 300)
            throw new GeneralSecurityException("webhook-timestamp is missing or too far from now");
        byte[] raw = Base64.getDecoder().decode(publicKey.replaceFirst("^whpk_", ""));
        byte[] encoded = ByteBuffer.allocate(HEAD.length + raw.length).put(HEAD).put(raw).array();
        PublicKey key = KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(encoded));
        for (String part : headers.getOrDefault("webhook-signature", "").split(" ")) {
            String[] pieces = part.split(",", 2);
            if (pieces.length != 2 || !pieces[0].equals("v1a")) continue;
            try {
                Signature signature = Signature.getInstance("Ed25519");
                signature.initVerify(key);
                signature.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
                signature.update(body);
                if (signature.verify(Base64.getDecoder().decode(pieces[1]))) return id;
            } catch (GeneralSecurityException | IllegalArgumentException malformed) {
                // Another signature may fit.
            }
        }
        throw new GeneralSecurityException("no signature fits");
    }
}
`,
};
