import { Desks } from '../desks/desks.ts';
import type { GatewayParts } from './wire.ts';

interface DeskParts {
  readonly parts: GatewayParts;
  /** Base URL of the gateway as clients see it. */
  readonly publicUrl: string | undefined;
}

/** Everything that answers beside the channels. */
export function openDesks({ parts, publicUrl }: DeskParts): void {
  const { gateway, catalogue } = parts;
  const desks = new Desks({ catalogue, publicUrl, desks: [], gatewayDesks: [] });
  gateway.openDesks((request) => desks.ask(request));
}
