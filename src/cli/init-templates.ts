/** What `init` keeps out of version control. */
export const ignoredPaths = ['.sluice/', '.keys/'];

/** The configuration that `init` writes. */
export const configTemplate = `# The configuration of Sluice. It is applied when "sluice up" starts and whenever this file changes;
# "sluice plan" shows what would change, "sluice lint" checks a contract, "sluice doctor" looks for trouble.

# Where events live. Without this section there is one backbone, "main", embedded in the data folder.
# backbones:
#   main: { kind: embedded }

apis:
  greetings:
    contract: ./greetings.asyncapi.yaml # its channels are the routes, its operations the permissions, its schemas the checks
    path: /greetings # where it stands on the gateway
    # entrypoints: [publish, sse, websocket, poll, websub, webhook]   # all of them when left out
    # retention: { age: 7d, bytes: 1GiB }            # what is kept for readers that come later; everything when left out
    # cors: { origins: ["https://app.example.com"] } # pages that may read it from a browser
    plans:
      free:
        approval: auto # or manual: somebody has to accept each subscription
        limits:
          eventCount: { limit: 10000, per: day }
          connectionCount: { limit: 5 }
          # duration: { limit: 1h, per: connection }
          # backpressure: { maxBuffered: 1MiB, overflow: pause } # or drop-oldest, conflate, disconnect
      # push: { mode: push } # its subscribers are called instead: sluice endpoints add --subscription … --url https://…

applications:
  greeter:
    # Keys never stand in this file: \${file:PATH} or \${env:NAME} says where they are.
    credentials: [{ kind: api-key, value: "\${file:.keys/greeter}" }]
    subscriptions: [{ api: greetings, as: provider }] # the side that the contract speaks for
  listener:
    credentials: [{ kind: api-key, value: "\${file:.keys/listener}" }]
    subscriptions: [{ api: greetings, plan: free }] # add allow: { read: ["world"] } to narrow it
`;

/** The contract that `init` writes. */
export const contractTemplate = `asyncapi: 3.0.0
info:
  title: Greetings
  version: 1.0.0
defaultContentType: application/json

channels:
  greeting:
    address: '{name}' # GET and POST /greetings/world
    parameters:
      name:
        description: Who is greeted.
    messages:
      greeted:
        name: com.example.greeted # the type of the event
        payload:
          type: object
          additionalProperties: false
          required: [text]
          properties:
            text: { type: string, minLength: 1, maxLength: 500 }

operations:
  # The contract speaks for the provider: it sends, so clients may read. With "receive" clients may publish.
  sendGreeting:
    action: send
    channel: { $ref: '#/channels/greeting' }
`;
