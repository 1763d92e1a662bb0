import type { Snippet } from './snippet.ts';

export const perlShared: Snippet = {
  language: 'perl',
  title: 'Perl',
  scheme: 'v1',
  file: 'verify_webhook.pl',
  highlight: 'perl',
  needs: '',
  code: `use strict;
use warnings;
use Digest::SHA qw(hmac_sha256);
use MIME::Base64 qw(decode_base64);

# Returns the webhook's id or dies. Names of headers in lower case; $body: the bytes as they came.
sub verify_webhook {
    my ($headers, $body, $secret) = @_;
    my $id        = $headers->{'webhook-id'}        // '';
    my $timestamp = $headers->{'webhook-timestamp'} // '';
    die "webhook-id is missing or malformed\\n" if $id eq '' || $id =~ /\\./;
    die "webhook-timestamp is missing or too far from now\\n"
        if $timestamp !~ /\\A[0-9]{1,12}\\z/ || abs(time - $timestamp) > 300;
    my $key      = decode_base64($secret =~ s/^whsec_//r);
    my $expected = hmac_sha256("$id.$timestamp.$body", $key);
    for my $part (split / /, $headers->{'webhook-signature'} // '') {
        my ($version, $signature) = split /,/, $part, 2;
        next unless defined $signature && $version eq 'v1';
        # Two hashes are compared, so that the time it takes tells nothing.
        return $id if hmac_sha256(decode_base64($signature), $key) eq hmac_sha256($expected, $key);
    }
    die "no signature fits\\n";
}
`,
};
