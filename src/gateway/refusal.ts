import type { GatewayError } from '../core/errors.ts';
import type { RefusalRecord } from '../core/meter.ts';
import type { BoundSubscription } from './catalogue.ts';

/** A decision against a client. */
export interface Refused {
  readonly stage: RefusalRecord['stage'];
  readonly error: GatewayError;
  readonly events: number;
  readonly address: string;
  readonly protocol: string;
}

/** A decision against a subscription as the ledger and the log record it. */
export function refusalOf(subscription: BoundSubscription, { stage, error, events, address, protocol }: Refused): RefusalRecord {
  const { tenant, id, application, api, plan } = subscription.context;
  return {
    tenant,
    application,
    subscription: id,
    api,
    plan,
    protocol,
    address,
    stage,
    code: error.code,
    reason: reasonOf(error),
    sentence: error.message,
    events,
    retryAfter: error.retryAfter,
  };
}

/** The limit that was hit where there is one, else the code: from a bounded set, so that it can be a label. */
export function reasonOf(error: GatewayError): string {
  const { limit } = error.details;
  return typeof limit === 'string' ? limit : error.code.toLowerCase();
}
