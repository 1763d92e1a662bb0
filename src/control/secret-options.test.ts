import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withoutSecrets, withSecrets } from './secret-options.ts';

const options = {
  brokers: ['h1:9092', 'h2:9092'],
  url: 'amqp://user:hunter2@host/vhost',
  plain: 'https://host/path?at=user@host',
  sasl: { username: 'reader', Password: 'hunter2' },
  tls: { ca: '-----BEGIN CERTIFICATE-----', key: '-----BEGIN PRIVATE KEY-----', pem: '-----BEGIN EC PRIVATE KEY-----' },
  accessTokens: ['one', { deep: 'two' }],
  retries: 5,
};

describe('The options of a backbone', () => {
  it('are shown without what is secret by its key or its form', () => {
    const shown = withoutSecrets('my-queue', options);
    assert.deepEqual(shown, {
      brokers: ['h1:9092', 'h2:9092'],
      url: '${env:SLUICE_MY_QUEUE_URL}',
      plain: 'https://host/path?at=user@host',
      sasl: { username: 'reader', Password: '${env:SLUICE_MY_QUEUE_SASL_PASSWORD}' },
      tls: { ca: '-----BEGIN CERTIFICATE-----', key: '${env:SLUICE_MY_QUEUE_TLS_KEY}', pem: '${env:SLUICE_MY_QUEUE_TLS_PEM}' },
      accessTokens: ['${env:SLUICE_MY_QUEUE_ACCESSTOKENS_0}', { deep: '${env:SLUICE_MY_QUEUE_ACCESSTOKENS_1_DEEP}' }],
      retries: 5,
    });
  });

  it('get their secrets back when they return, but no others', () => {
    assert.deepEqual(withSecrets('my-queue', withoutSecrets('my-queue', options), options), options);
    const moved = {
      url: '${env:SLUICE_OTHER_URL}',
      constructor: '${env:SLUICE_MY_QUEUE_CONSTRUCTOR}',
      sasl: '${env:SLUICE_MY_QUEUE_SASL}',
    };
    assert.deepEqual(withSecrets('my-queue', moved, options), moved);
  });
});
