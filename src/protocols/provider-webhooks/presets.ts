import { adyen } from './adyen.ts';
import { cloudevents } from './cloudevents.ts';
import { github, githubSha1 } from './github.ts';
import type { ProviderWebhook } from './provider-webhook.ts';
import { sendgrid } from './sendgrid.ts';
import { shopify } from './shopify.ts';
import { slack } from './slack.ts';
import { standard } from './standard.ts';
import { stripe } from './stripe.ts';
import { twilio } from './twilio.ts';
import { websub, websubSha1 } from './websub.ts';

/** Every provider that needs nothing but secrets, by its name; for all others there is `genericHmac`. */
export const presets: ReadonlyMap<string, ProviderWebhook> = new Map(
  [adyen, cloudevents, github, githubSha1, sendgrid, shopify, slack, standard, stripe, twilio, websub, websubSha1].map((preset) => [
    preset.name,
    preset,
  ]),
);
