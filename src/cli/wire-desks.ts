import { systemClock } from '../core/clock.ts';
import { ConsentDesk } from '../desks/consent/consent-desk.ts';
import { Desks } from '../desks/desks.ts';
import type { Desk } from '../desks/desk.ts';
import { ApisDesk } from '../desks/documents/apis-desk.ts';
import { ChannelsDesk } from '../desks/documents/channels-desk.ts';
import { OpenApiDesk } from '../desks/documents/openapi-desk.ts';
import { HooksDesk } from '../desks/hooks/hooks-desk.ts';
import { OwnEndpoints, type Manage } from '../desks/hooks/own-endpoints.ts';
import { PublicKeysDesk } from '../desks/public-keys/public-keys-desk.ts';
import { Visitors } from '../desks/visitors.ts';
import type { Verifications } from '../push/verification/verifications.ts';
import type { Foundation, GatewayParts } from './wire.ts';

interface DeskParts {
  readonly foundation: Foundation;
  readonly parts: GatewayParts;
  readonly inbound: Desk;
  readonly hub: Desk;
  readonly manage: Manage;
  readonly verifications: Verifications;
  /** Base URL of the gateway as clients see it. */
  readonly publicUrl: string | undefined;
}

/** Everything that answers beside the channels. */
export function openDesks({ foundation, parts, inbound, hub, manage, verifications, publicUrl }: DeskParts): void {
  const { store, sealer } = foundation;
  const { gateway, catalogue } = parts;
  const now = (): number => systemClock.now();
  const visitors = new Visitors({ gateway, catalogue });
  const desks = new Desks({
    catalogue,
    publicUrl,
    desks: [
      inbound,
      hub,
      new OpenApiDesk(visitors),
      new ChannelsDesk(visitors),
      new HooksDesk({ visitors, catalogue, store, gateway, endpoints: new OwnEndpoints(manage) }),
    ],
    gatewayDesks: [
      new ApisDesk(visitors, catalogue),
      new PublicKeysDesk({ store, open: (sealed) => sealer.open(sealed), now }),
      new ConsentDesk(verifications),
    ],
  });
  gateway.openDesks((request) => desks.ask(request));
}
