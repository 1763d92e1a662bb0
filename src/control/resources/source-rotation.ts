import { fallback, object, optional } from '../config/shape.ts';
import { sourceSecret } from '../config/source-secret-shape.ts';
import { revision } from '../draft.ts';
import { rotated } from '../endpoint-secrets.ts';
import { checkPrecondition, etagOf } from '../precondition.ts';
import { viewOf } from '../present.ts';
import type { Router } from '../router.ts';
import type { Services } from '../services.ts';
import { takenSecret } from '../source-secrets.ts';
import { answers } from './answers.ts';
import { overlap } from './endpoint-secrets.ts';
import { sourceOf, sourceParam } from './source-of.ts';
import { sourceView } from './source-view.ts';

const rotation = object({
  overlap: fallback(overlap, 86_400_000, 'How long the old secret is believed too, at most 7d.', '24h'),
  secret: optional(
    sourceSecret,
    'The new secret, as the provider shows it. Left out, one is made where the provider lets its users choose.',
  ),
});

/** Replacing what the signatures of a source are verified by. */
export function sourceRotation(router: Router, { administration, store }: Services): void {
  router.add({
    method: 'POST',
    path: '/sources/:source/rotate',
    operation: 'rotateSourceSecret',
    tag: 'Sources',
    summary: 'Give a source a new secret; the old one is believed too for the overlap. One that is made here is answered this once.',
    access: 'owner',
    params: sourceParam,
    body: rotation,
    precondition: 'optional',
    answers: answers(200, 'The source with its new secret.', sourceView),
    async handle({ params, body, ifMatch, actor, application }) {
      let secret = '';
      const source = await administration.changeOne(actor, async () => {
        const current = sourceOf({ store }, params.source, application);
        checkPrecondition(current, ifMatch, 'optional');
        secret = takenSecret(current.spec, body.secret);
        const now = administration.now();
        const secrets = rotated(current.spec.secrets, administration.sealer.seal(secret), { now, until: now + body.overlap });
        const draft = revision(current, { ...current.spec, secrets }, now, 'rotate');
        return { drafts: [draft], result: draft.resource };
      });
      const made = body.secret === undefined ? { secret } : {};
      return { body: { ...viewOf(source), ...made }, headers: { etag: etagOf(source) } };
    },
  });
}
