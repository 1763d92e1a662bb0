/** Where the demo can be reached and with what. */
export interface DemoPlace {
  readonly gateway: string;
  readonly control: string;
  /** Data folder, where the admin token is. */
  readonly data: string;
  /** API keys by application. */
  readonly keys: Readonly<Record<'github-relay' | 'dashboard' | 'analytics', string>>;
}

/** What the demo prints: everything can be pasted into another terminal as it stands. */
export function instructions(place: DemoPlace, rate: number): string {
  const { gateway, control, keys } = place;
  const issues = `${gateway}/github/repos/Codertocat/Hello-World/issues`;
  const all = `${gateway}/github/*`;
  return [
    `Sluice is serving real GitHub webhook payloads, about ${rate} a second. Ctrl-C ends it and leaves nothing behind.`,
    '',
    `  gateway   ${gateway}`,
    `  control   ${control}`,
    `  dashboard (plan free, 5,000 events a day)   ${keys.dashboard}`,
    `  analytics (plan team, 50,000 events a day)  ${keys.analytics}`,
    `  github-relay (the provider)                 ${keys['github-relay']}`,
    '',
    "Follow one repository's issues, with Server-Sent Events:",
    `  curl -N -H 'Accept: text/event-stream' -H 'Authorization: Bearer ${keys.dashboard}' ${issues}`,
    'Everything, over WebSocket, as one line per event:',
    `  npx sluice listen 'github/*' --protocol websocket --gateway ${gateway} --key ${keys.analytics}`,
    'Only what is opened, wherever it is:',
    `  npx sluice listen 'github/*' --filter 'data.action == "opened"' --gateway ${gateway} --key ${keys.analytics}`,
    'A page of what has been, and where the next one is:',
    `  curl -i -H 'Authorization: Bearer ${keys.analytics}' '${all}?from=earliest&limit=2'`,
    'Publish as the provider; leave out a member and the contract refuses it:',
    ...publishCommand(gateway, keys['github-relay']),
    'In a browser: get a ticket (30 seconds, once), then paste the second line into the console of any page:',
    `  curl -s -X POST -H 'Authorization: Bearer ${keys.dashboard}' -H 'Content-Type: application/json' -d '{}' ${control}/api/v1/tickets`,
    `  new EventSource('${issues}?ticket=TICKET').onmessage = (message) => console.log(JSON.parse(message.data))`,
    'What was delivered to whom, and whether the ledger adds up:',
    `  npx sluice usage --control ${control} --data ${place.data}`,
    `  npx sluice usage verify --control ${control} --data ${place.data}`,
  ].join('\n');
}

function publishCommand(gateway: string, key: string): string[] {
  const repository = `{"id":1,"name":"Hello-World","full_name":"Codertocat/Hello-World","private":false,"fork":false,"html_url":"https://github.com/Codertocat/Hello-World","owner":{"login":"Codertocat","id":2}}`;
  const sender = `{"login":"Codertocat","id":2,"type":"User"}`;
  return [
    `  curl -i -X POST -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' \\`,
    `    -d '{"action":"created","starred_at":"2024-05-01T12:00:00Z","repository":${repository},"sender":${sender}}' \\`,
    `    ${gateway}/github/repos/Codertocat/Hello-World/star`,
  ];
}
