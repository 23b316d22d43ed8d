/**
 * A daemon reduced to its alerts, to be killed by tests: raises the wanted number of alerts, each about something else, and
 * lives until it is killed.
 */
import type { Redis } from 'ioredis';
import { connectRedis } from '../../src/redis/connection.ts';
import { someAlert, startTestAlerts } from './alerts.ts';
import { keptLog } from './silent-log.ts';

export interface AlertProcessOrder {
  readonly socketPath: string;
  readonly stateDir: string;
  readonly node: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly alerts: number;
}

const order = JSON.parse(process.argv[2] ?? '') as AlertProcessOrder;
const connection = connectRedis({ kind: 'socket', path: order.socketPath }, { log: keptLog().log });
await connection.untilUp(2000);
const { settings, node, stateDir } = order;
// Not a cluster: the target is a socket.
const { alerts } = await startTestAlerts({ redis: connection.redis as Redis, settings, node, stateDir });
setInterval(() => undefined, 1000);
for (let at = 0; at < order.alerts; at++) {
  alerts.raise(someAlert({ about: `${node} part ${at}` }));
  await new Promise((resolve) => setTimeout(resolve, 2));
}
