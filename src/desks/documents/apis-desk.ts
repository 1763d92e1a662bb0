import type { DeskAnswer, DeskRequest } from '../../core/desk.ts';
import { GatewayError } from '../../core/errors.ts';
import type { ApiRuntime, Catalogue } from '../../gateway/catalogue.ts';
import type { GatewayDesk } from '../desk.ts';
import { requireMethod } from '../desk-method.ts';
import type { Visitor, Visitors } from '../visitors.ts';

/** `GET /.well-known/sluice-apis`: the APIs that an application is subscribed to, where they are, and as what it is subscribed. */
export class ApisDesk implements GatewayDesk {
  readonly name = 'sluice-apis';
  readonly #visitors: Visitors;
  readonly #catalogue: Pick<Catalogue, 'apis'>;

  constructor(visitors: Visitors, catalogue: Pick<Catalogue, 'apis'>) {
    this.#visitors = visitors;
    this.#catalogue = catalogue;
  }

  async answer(request: DeskRequest, rest: readonly string[]): Promise<DeskAnswer> {
    requireMethod(request, ['GET', 'HEAD'], rest);
    const mine = this.#catalogue.apis().flatMap((api) => {
      const visitor = this.#visitorOf(request, api);
      return visitor === undefined ? [] : [{ api, visitor }];
    });
    const items = mine.map(({ api, visitor }) => ({
      name: api.resource.name,
      path: api.resource.spec.path,
      title: api.contract.contract.title,
      as: [...new Set(visitor.subscriptions.map(({ context }) => context.as))].toSorted(),
    }));
    const body = JSON.stringify({ application: mine[0]?.visitor.application ?? null, items });
    return { status: 200, headers: { 'cache-control': 'no-store', 'content-type': 'application/json' }, body };
  }

  /** Undefined for an API that is not its, or not there for clients now; throws when the key is none. */
  #visitorOf(request: DeskRequest, api: ApiRuntime): Visitor | undefined {
    try {
      return this.#visitors.subscriberOf(request, api);
    } catch (error) {
      if (error instanceof GatewayError && (error.code === 'FORBIDDEN' || error.code === 'NOT_FOUND')) return undefined;
      throw error;
    }
  }
}
