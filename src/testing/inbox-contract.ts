/** Where webhooks of others come in: `from/{provider}` takes any event, `strict` one type with a number. */
export const inboxContract = `
asyncapi: 3.0.0
info: { title: Inbox, version: 1.0.0 }
channels:
  inbox: { address: 'from/{provider}', parameters: { provider: {} } }
  strict:
    address: strict
    messages: { build: { name: com.example.build, payload: { type: object, required: [number] } } }
operations:
  send: { action: send, channel: { $ref: '#/channels/inbox' } }
  sendStrict: { action: send, channel: { $ref: '#/channels/strict' } }
`;
