import type { Snippet } from './snippet.ts';

const common = { language: 'go', title: 'Go', file: 'verify_webhook.go', highlight: 'go', needs: '' } as const;

/** The word of Go, put in so that nobody takes it for an import of this file. */
const imported = 'import';

export const goShared: Snippet = {
  ...common,
  scheme: 'v1',
  code: `package webhooks

${imported} (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// VerifyWebhook returns the webhook's id or an error; body holds the bytes as they came.
func VerifyWebhook(headers http.Header, body []byte, secret string) (string, error) {
	id, timestamp := headers.Get("webhook-id"), headers.Get("webhook-timestamp")
	if id == "" || strings.Contains(id, ".") {
		return "", errors.New("webhook-id is missing or malformed")
	}
	seconds, err := strconv.ParseUint(timestamp, 10, 40)
	if err != nil || time.Since(time.Unix(int64(seconds), 0)).Abs() > 5*time.Minute {
		return "", errors.New("webhook-timestamp is missing or too far from now")
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, timestamp)
	mac.Write(body)
	expected := mac.Sum(nil)
	for _, part := range strings.Split(headers.Get("webhook-signature"), " ") {
		version, signature, _ := strings.Cut(part, ",")
		given, err := base64.StdEncoding.DecodeString(signature)
		if err == nil && version == "v1" && hmac.Equal(given, expected) {
			return id, nil
		}
	}
	return "", errors.New("no signature fits")
}
`,
};

export const goPublic: Snippet = {
  ...common,
  scheme: 'v1a',
  code: `package webhooks

${imported} (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// VerifyWebhook returns the webhook's id or an error; body holds the bytes as they came.
func VerifyWebhook(headers http.Header, body []byte, publicKey string) (string, error) {
	id, timestamp := headers.Get("webhook-id"), headers.Get("webhook-timestamp")
	if id == "" || strings.Contains(id, ".") {
		return "", errors.New("webhook-id is missing or malformed")
	}
	seconds, err := strconv.ParseUint(timestamp, 10, 40)
	if err != nil || time.Since(time.Unix(int64(seconds), 0)).Abs() > 5*time.Minute {
		return "", errors.New("webhook-timestamp is missing or too far from now")
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(publicKey, "whpk_"))
	if err != nil || len(key) != ed25519.PublicKeySize {
		return "", errors.New("the public key is malformed")
	}
	signed := append([]byte(id+"."+timestamp+"."), body...)
	for _, part := range strings.Split(headers.Get("webhook-signature"), " ") {
		version, signature, _ := strings.Cut(part, ",")
		given, err := base64.StdEncoding.DecodeString(signature)
		if err == nil && version == "v1a" && ed25519.Verify(key, signed, given) {
			return id, nil
		}
	}
	return "", errors.New("no signature fits")
}
`,
};
