import { ProviderWebhookError } from './provider-webhook-error.ts';

/** `{timestamp}`, `{id}`, `{body}`, or text as it stands. */
export type TemplatePiece = string;

const placeholders = ['{timestamp}', '{id}', '{body}'];
/** What neither an id nor a timestamp can hold, so that between two parts it shows where one ends. */
const separator = /^[^A-Za-z0-9_{}-](?:.*[^A-Za-z0-9_{}-])?$/s;

/** Longest template, in characters. */
const maxLength = 256;

/**
 * Reads what a signature covers, such as `v0:{timestamp}:{body}`: each part at most once, the body always, and between two parts a text
 * that begins and ends with neither letter, digit, `_` nor `-`. Without such a text the same signature would hold for other cuts of the
 * signed bytes. Throws ProviderWebhookError.
 */
export function parseTemplate(template: string): readonly TemplatePiece[] {
  if (template.length > maxLength) throw new ProviderWebhookError(`The template is longer than ${maxLength} characters.`);
  const pieces = template.split(/(\{[^{}]*\})/).filter((piece) => piece !== '');
  let before: string | undefined;
  for (const [index, piece] of pieces.entries()) {
    if (!placeholders.includes(piece)) {
      if (/[{}]/.test(piece)) throw new ProviderWebhookError(`A template knows ${placeholders.join(', ')}, not ${JSON.stringify(piece)}.`);
      before = piece;
      continue;
    }
    if (pieces.indexOf(piece) !== index) throw new ProviderWebhookError(`${piece} is in the template more than once.`);
    const isFirst = !pieces.slice(0, index).some((earlier) => placeholders.includes(earlier));
    if (!isFirst && (before === undefined || !separator.test(before))) {
      throw new ProviderWebhookError(`Before ${piece} a separator such as "." or ":" is missing, so that its beginning could be moved.`);
    }
    before = undefined;
  }
  if (!pieces.includes('{body}'))
    throw new ProviderWebhookError('The template leaves out {body}, so that anything could be sent with the signature.');
  return pieces;
}
