import type { DeskAnswer, DeskRequest } from '../core/desk.ts';
import type { ApiRuntime } from '../gateway/catalogue.ts';

/** A request at one desk of an API that is served. */
export interface Visit {
  readonly request: DeskRequest;
  readonly api: ApiRuntime;
  /** URL of the API as clients see it, without a slash at the end. */
  readonly apiUrl: string;
  /** Segments behind the desk's name, decoded. */
  readonly rest: readonly string[];
}

/** What answers at `{API}/-/{name}`. Rejects with GatewayError, which becomes a problem document. */
export interface Desk {
  readonly name: string;
  answer(visit: Visit): Promise<DeskAnswer>;
}

/** What answers at `/.well-known/{name}`, for all APIs. */
export interface GatewayDesk {
  readonly name: string;
  answer(request: DeskRequest, rest: readonly string[]): Promise<DeskAnswer>;
}
