interface MediaRange {
  readonly type: string;
  readonly subtype: string;
  readonly quality: number;
}

/** Longest Accept header that is read, in characters; a longer one is taken as if it was not there. */
const maxLength = 4096;
const range = /^[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\/([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*(;.*)?$/;
const quality = /;[ \t]*[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*(?=;|$)/;

/**
 * Whether a client asks for an event stream: it names `text/event-stream` itself, and likes no `alternatives` better
 * (RFC 9110, section 12.5.1). Wildcards alone do not ask for a stream, since a plain request must end.
 */
export function prefersEventStream(accept: string | undefined, alternatives: readonly string[] = []): boolean {
  const ranges = parse(accept);
  const stream = ranges.find(({ type, subtype }) => type === 'text' && subtype === 'event-stream');
  if (stream === undefined || stream.quality === 0) return false;
  return alternatives.every((alternative) => qualityIn(ranges, alternative) <= stream.quality);
}

/** How much a client wants a media type, 0 (not at all) to 1; without an Accept header everything is welcome. */
export function acceptQuality(accept: string | undefined, mediaType: string): number {
  const ranges = parse(accept);
  return ranges.length === 0 ? 1 : qualityIn(ranges, mediaType);
}

function qualityIn(ranges: readonly MediaRange[], mediaType: string): number {
  const [type, subtype] = mediaType.split('/');
  const match =
    ranges.find((candidate) => candidate.type === type && candidate.subtype === subtype) ??
    ranges.find((candidate) => candidate.type === type && candidate.subtype === '*') ??
    ranges.find((candidate) => candidate.type === '*' && candidate.subtype === '*');
  return match?.quality ?? 0;
}

function parse(accept: string | undefined): MediaRange[] {
  if (accept === undefined || accept.length > maxLength) return [];
  return accept.split(',').flatMap((part) => {
    const match = range.exec(part);
    if (match === null) return [];
    const weight = quality.exec(match[3] ?? '');
    return [
      { type: (match[1] ?? '').toLowerCase(), subtype: (match[2] ?? '').toLowerCase(), quality: weight === null ? 1 : Number(weight[1]) },
    ];
  });
}
