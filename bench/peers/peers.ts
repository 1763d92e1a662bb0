import { floor } from './floor.ts';
import { mosquitto } from './mosquitto.ts';
import { natsWebSocket } from './nats-websocket.ts';
import { nchan } from './nchan.ts';
import { nodeFloor, socketIo, wsOneSend } from './node-server.ts';
import type { Peer } from './peer.ts';
import { pushpin } from './pushpin.ts';
import { sluice } from './sluice.ts';

/** Everybody in the order of the turns. */
export const peers: readonly Peer[] = [
  sluice('sse'),
  sluice('ws'),
  floor('tick'),
  floor('1'),
  nodeFloor,
  nchan('ws'),
  nchan('sse'),
  natsWebSocket,
  mosquitto,
  socketIo,
  wsOneSend,
  pushpin('sse'),
  pushpin('ws'),
];
