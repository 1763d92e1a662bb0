import type { DeskAnswer, DeskRequest } from '../../core/desk.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Verifications } from '../../push/verification/verifications.ts';
import type { GatewayDesk } from '../desk.ts';
import { requireMethod } from '../desk-method.ts';

/** Its place below `/.well-known/`. */
export const consentDesk = 'webhook-consent';

/**
 * `GET` or `POST /.well-known/webhook-consent/{endpoint}/{token}`: where a CloudEvents receiver, or a person who was sent there, consents
 * to deliveries after it was asked; `WebHook-Allowed-Rate` bounds them (CE-8).
 */
export class ConsentDesk implements GatewayDesk {
  readonly name = consentDesk;
  readonly #verifications: Pick<Verifications, 'consent'>;

  constructor(verifications: Pick<Verifications, 'consent'>) {
    this.#verifications = verifications;
  }

  async answer(request: DeskRequest, rest: readonly string[]): Promise<DeskAnswer> {
    requireMethod(request, ['GET', 'POST'], rest.slice(2));
    const [endpoint = '', token = ''] = rest;
    if (!(await this.#verifications.consent(endpoint, token, request.headers['webhook-allowed-rate'])))
      throw new GatewayError('NOT_FOUND', 'Nobody was asked for consent here, or something else is asked by now.');
    const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' };
    return { status: 200, headers, body: 'Events are delivered from now on.\n' };
  }
}
