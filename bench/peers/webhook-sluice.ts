import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import type { InstrumentOptions } from '../harness/instrument.ts';
import { monotonicSeconds } from '../harness/server-process.ts';
import { SluiceServer } from './sluice.ts';
import { receivers, urlOf, type EndpointSetup, type RunningWebhookPeer, type WebhookPeer } from './webhook-peer.ts';

/** Endpoints one subscription may have. */
const perSubscription = 1000;
/** Seconds after which results that are not on disk are missing. */
const patience = 20;

/** A Sluice with the endpoints of a benchmark. */
export class WebhookSluice implements RunningWebhookPeer {
  readonly version = 'this checkout';
  readonly #server: SluiceServer;
  readonly #setup: EndpointSetup;

  constructor(server: SluiceServer, setup: EndpointSetup) {
    this.#server = server;
    this.#setup = setup;
  }

  get hooks(): InstrumentOptions {
    return { ...receivers(this.#setup), ...this.#server.publish(this.#setup.isFanOut ? 'live' : 'symbols/{}') };
  }

  /** As `SluiceServer.crash`. */
  crash(): ReturnType<SluiceServer['crash']> {
    return this.#server.crash();
  }

  /** Seconds until so many results are committed; what other programs may read of the store is. Rejects when it comes to another number. */
  async resultsOnDisk(count: number): Promise<number> {
    const begun = monotonicSeconds();
    const database = new DatabaseSync(join(this.#server.data, 'sluice.db'), { readOnly: true, timeout: 5000 });
    try {
      const query = database.prepare("SELECT count(*) AS kept FROM push_attempt WHERE outcome = 'delivered'");
      for (;;) {
        const kept = Number(query.get()?.['kept']);
        const seconds = monotonicSeconds() - begun;
        if (kept === count) return seconds;
        if (kept > count || seconds > patience) throw new Error(`Of ${count} deliveries ${kept} have results on disk.`);
        await delay(5);
      }
    } finally {
      database.close();
    }
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}

/** Sluice as it is: keys, contract and limits are checked, attempts signed, results durable, deliveries billed. */
export const webhookSluice: WebhookPeer<WebhookSluice> = {
  name: 'sluice',
  async start(bench, setup) {
    const config = join(bench.folder, 'webhooks.yaml');
    writeFileSync(config, configuration(setup));
    const server = await SluiceServer.start(bench, {
      config,
      further: ['--open-outgoing', '127.0.0.0/8'],
      env: setup.certificate === undefined ? {} : { NODE_EXTRA_CA_CERTS: setup.certificate.cert },
    });
    return new WebhookSluice(server, setup);
  },
};

function configuration(setup: EndpointSetup): string {
  const owners = Array.from({ length: Math.ceil(setup.count / perSubscription) }, (_, owner) => applicationOf(owner, setup));
  return `apis:
  prices:
    contract: ${join(import.meta.dirname, '../config/prices.asyncapi.yaml')}
    path: /prices
    plans:
      push: { mode: push, limits: { eventCount: { limit: 1000000000000, per: day } } }
applications:
  source:
    credentials: [{ kind: api-key, value: '\${env:SOURCE_KEY}' }]
    subscriptions: [{ api: prices, as: provider }]
${owners.join('')}`;
}

function applicationOf(owner: number, setup: EndpointSetup): string {
  const first = owner * perSubscription;
  const endpoints = Array.from({ length: Math.min(perSubscription, setup.count - first) }, (_, index) => first + index);
  return `  receiver-${owner}:
    subscriptions:
      - api: prices
        plan: push
        endpoints:
${endpoints.map((endpoint) => `          e${endpoint}: { url: '${urlOf(endpoint, setup)}', address: ${setup.isFanOut ? 'live' : `symbols/${endpoint}`} }\n`).join('')}`;
}
