/** The nats-server both its peers are built from. */
export const natsVersion = 'v2.15.2';
