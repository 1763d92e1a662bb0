import type { Clock } from '../../core/clock.ts';
import { Deadline } from '../../outgoing/deadline.ts';
import type { OutgoingRequest } from '../../outgoing/http-sender.ts';
import type { Outcome } from '../../outgoing/outcome.ts';
import { OutgoingFailure } from '../../outgoing/outgoing-failure.ts';
import type { Authentication, OAuthClient } from './authentication.ts';
import { TokenSource, type AccessToken, type NoToken, type Send } from './token-source.ts';

interface Sending {
  readonly send: Send;
  readonly clock: Clock;
}

/** Milliseconds in which tokens are not replaced any more after a new one was refused too: their age is not what is wrong. */
const distrust = 60_000;
/** Milliseconds for an attempt that does not say. */
const defaultTotal = 20_000;

/** Sends with what an endpoint wants to be shown; the caller never sees it. One for each endpoint, since it keeps the endpoint's token. */
export function authenticatedSend(authentication: Authentication | undefined, sending: Sending): Send {
  const { send } = sending;
  switch (authentication?.kind) {
    case undefined:
      return send;
    case 'header': {
      const { header, value } = authentication;
      return (request) => send(withHeader(request, header, value));
    }
    case 'certificate': {
      const { cert, key, ca } = authentication;
      return (request) => send({ ...request, tls: { cert, key, ca } });
    }
    case 'token':
      return tokenSend(authentication.client, sending);
  }
}

/** Token, attempt, and after a 401 another token and attempt are over within the time of one attempt. */
function tokenSend(client: OAuthClient, { send, clock }: Sending): Send {
  const source = new TokenSource({ client, send, clock });
  let distrustedAt = -Infinity;
  return async (request) => {
    const totalMs = request.limits?.totalMs ?? defaultTotal;
    const late = (): OutgoingFailure => new OutgoingFailure('timeout', `It was not over within ${totalMs / 1_000} s.`);
    const deadline = new Deadline(totalMs, late, request.signal);
    const sendWith = (token: AccessToken): Promise<Outcome> =>
      send(withHeader({ ...request, signal: deadline.signal }, 'Authorization', `Bearer ${token.text}`));
    try {
      const token = await source.take(deadline.signal);
      if ('sentence' in token) return withoutToken(token);
      const outcome = await sendWith(token);
      const isTrusted = Math.abs(clock.now() - distrustedAt) >= distrust;
      if (outcome.kind === 'failed' || outcome.status !== 401 || !isTrusted) return outcome;
      const next = await source.replace(token, deadline.signal);
      if ('sentence' in next) return withoutToken(next);
      const second = await sendWith(next);
      if (second.kind === 'answered' && second.status === 401) distrustedAt = clock.now();
      return second;
    } catch (error) {
      if (error instanceof OutgoingFailure && deadline.signal.aborted) return endedWhileAsking(error, totalMs);
      throw error;
    } finally {
      deadline.clear();
    }
  };
}

function withHeader(request: OutgoingRequest, name: string, value: string): OutgoingRequest {
  return { ...request, headers: [...(request.headers ?? []), [name, value]] };
}

/** Nothing was sent to the endpoint: the times are those of the request for a token. */
function withoutToken({ sentence, outcome }: NoToken): Outcome {
  // Called off with everything else, which says nothing about the token server.
  if (outcome.kind === 'failed' && outcome.class === 'aborted') return outcome;
  return {
    kind: 'failed',
    class: 'authentication',
    phase: 'waiting',
    sentence: `There is no access token. ${sentence}`,
    reason: undefined,
    cause: outcome.kind === 'failed' ? outcome.cause : undefined,
    timings: outcome.timings,
    remoteAddress: undefined,
    reused: false,
    resent: false,
  };
}

/** The time was over, or the attempt was called off, before there was a token. */
function endedWhileAsking(failure: OutgoingFailure, totalMs: number): Outcome {
  const isLate = failure.class === 'timeout';
  return {
    kind: 'failed',
    class: isLate ? 'authentication' : failure.class,
    phase: 'waiting',
    sentence: isLate ? 'There is no access token. The token server did not answer in time.' : failure.message,
    reason: undefined,
    cause: failure.cause,
    timings: { totalMs: isLate ? totalMs : 0 },
    remoteAddress: undefined,
    reused: false,
    resent: false,
  };
}
