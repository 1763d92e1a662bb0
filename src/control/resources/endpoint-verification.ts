import type { VerificationRecord } from '../../push/verification/verification-record.ts';
import type { Resource } from '../../store/resources.ts';
import type { Router } from '../router.ts';
import type { Services } from '../services.ts';
import { verificationView } from '../view-schemas.ts';
import { answers } from './answers.ts';
import { endpointOf, endpointParam } from './endpoint-of.ts';

/** As it is shown; null where nothing is to be verified. */
export function shownVerification({ spec }: Resource<'endpoint'>, record: VerificationRecord | undefined): object | null {
  if (record === undefined) return null;
  const { state, verifiedAt = null, perMinute = null, tries, nextAt = null, sentence = null } = record;
  return { policy: spec.verification, state, verifiedAt, allowedPerMinute: perMinute, tries, nextAt, sentence };
}

/** Asking the receiver of an endpoint now. */
export function endpointVerificationRoute(router: Router, services: Services): void {
  router.add({
    method: 'POST',
    path: '/endpoints/:endpoint/verify',
    operation: 'verifyEndpoint',
    tag: 'Endpoints',
    summary:
      'Ask the receiver of an endpoint now whether it wants deliveries; what it says counts from then on. An application may for its own.',
    access: 'owner',
    params: endpointParam,
    answers: answers(200, 'What it said.', verificationView),
    async handle({ params, actor, application }) {
      const endpoint = endpointOf(services, params.endpoint, application);
      const record = await services.deliveries.verifications.verify(endpoint);
      await services.store.note(endpoint, 'endpoint.verify', actor);
      return { body: shownVerification(endpoint, record) ?? {} };
    },
  });
}
