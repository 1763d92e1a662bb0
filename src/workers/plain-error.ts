import { GatewayError, type ErrorCode } from '../core/errors.ts';

/** A GatewayError between threads. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly sentence: string;
  readonly retryAfter: number | undefined;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Cause of an error that the other thread has put into the log already. */
const toldElsewhere = new Error('The other thread has logged the cause.');

/** Details become what JSON makes of them, which is what the client is shown; a cause stays behind. */
export function toPlainError({ code, message, retryAfter, details }: GatewayError): PlainError {
  return { code, sentence: message, retryAfter, details: JSON.parse(JSON.stringify(details)) as Record<string, unknown> };
}

export function fromPlainError({ code, sentence, retryAfter, details }: PlainError): GatewayError {
  return new GatewayError(code, sentence, { retryAfter, details, cause: code === 'INTERNAL' ? toldElsewhere : undefined });
}

/** Whether an error came from the other thread, whose log has it. */
export function wasToldElsewhere(error: unknown): boolean {
  return error instanceof GatewayError && error.cause === toldElsewhere;
}
