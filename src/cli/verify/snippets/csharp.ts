import type { Snippet } from './snippet.ts';

export const csharpShared: Snippet = {
  language: 'csharp',
  title: 'C#',
  scheme: 'v1',
  file: 'WebhookVerifier.cs',
  highlight: 'csharp',
  needs: '',
  code: `using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

public static class WebhookVerifier
{
    /// <summary>Returns the webhook's id or throws. Names of headers in lower case; body: the bytes as they came.</summary>
    public static string Verify(IReadOnlyDictionary<string, string> headers, byte[] body, string secret)
    {
        var id = Header(headers, "webhook-id");
        var timestamp = Header(headers, "webhook-timestamp");
        if (id == "" || id.Contains(".")) throw new CryptographicException("webhook-id is missing or malformed");
        if (!Regex.IsMatch(timestamp, @"\\A[0-9]{1,12}\\z")
            || Math.Abs(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - long.Parse(timestamp)) > 300)
            throw new CryptographicException("webhook-timestamp is missing or too far from now");
        var key = Convert.FromBase64String(Regex.Replace(secret, "^whsec_", ""));
        var head = Encoding.UTF8.GetBytes(id + "." + timestamp + ".");
        var signed = new byte[head.Length + body.Length];
        head.CopyTo(signed, 0);
        body.CopyTo(signed, head.Length);
        byte[] expected;
        using (var hmac = new HMACSHA256(key))
            expected = Encoding.UTF8.GetBytes(Convert.ToBase64String(hmac.ComputeHash(signed)));
        foreach (var part in Header(headers, "webhook-signature").Split(' '))
        {
            var pieces = part.Split(new[] { ',' }, 2);
            if (pieces.Length == 2 && pieces[0] == "v1"
                && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(pieces[1]), expected)) return id;
        }
        throw new CryptographicException("no signature fits");
    }

    private static string Header(IReadOnlyDictionary<string, string> headers, string name)
    {
        string value;
        return headers.TryGetValue(name, out value) ? value : "";
    }
}
`,
};
