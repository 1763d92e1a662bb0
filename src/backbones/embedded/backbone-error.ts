import { GatewayError } from '../../core/errors.ts';
import { StoreError } from '../../store/database.ts';

/** What the database or its bytes failed with, as what a client may see. */
export function toBackboneError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const code = thrown instanceof StoreError ? thrown.code : undefined;
  if (code === 'FULL') {
    return new GatewayError(
      'STORE_FULL',
      'The gateway has no space left to keep events; nothing of this request was kept. Try again once its operator has freed some.',
      { cause: thrown },
    );
  }
  if (code === 'OVERLOADED') return overloaded(thrown);
  return new GatewayError(
    'BACKBONE_UNAVAILABLE',
    'The log of events cannot be used at the moment. Try again in a moment; its operator finds the cause in the log.',
    { cause: thrown },
  );
}

export function overloaded(cause?: unknown): GatewayError {
  return new GatewayError(
    'OVERLOADED',
    'More events arrive than the disk can take; nothing of this request was kept. Try again in a second.',
    { retryAfter: 1000, cause },
  );
}

export function closed(): GatewayError {
  return new GatewayError(
    'BACKBONE_UNAVAILABLE',
    'The log of events is closed because this gateway is stopping. Connect again in a moment.',
  );
}
