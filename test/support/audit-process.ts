/**
 * A daemon reduced to its audit log, to be run beside others and to be killed by tests: records the wanted number of
 * entries, a few at a time, says `ok SUBJECT` on standard output for each that is acknowledged and `done` after the last,
 * and lives until it is told to go by SIGTERM.
 */
import type { Redis } from 'ioredis';
import { systemClock } from '../../src/clock.ts';
import { openAuditLog } from '../../src/people/audit-log.ts';
import { connectRedis } from '../../src/redis/connection.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { keptLog } from './silent-log.ts';

export interface AuditProcessOrder {
  readonly socketPath: string;
  readonly stateDir: string;
  readonly node: string;
  readonly prefix: string;
  readonly entries: number;
  readonly atOnce: number;
}

const order = JSON.parse(process.argv[2] ?? '') as AuditProcessOrder;
const { log } = keptLog();
const connection = connectRedis({ kind: 'socket', path: order.socketPath }, { log });
await connection.untilUp(2000).catch(() => undefined);
const audit = await openAuditLog({
  // Not a cluster: the target is a socket.
  redis: connection.redis as Redis,
  keys: createKeys({ prefix: order.prefix, tenant: 'd' }),
  clock: systemClock,
  node: order.node,
  stateDir: order.stateDir,
  maxEntries: 1_000_000,
  maxAgeMs: 365 * 86_400_000,
  durably: (write) => write(),
  log,
});
const alive = setInterval(() => undefined, 1000);
process.on('SIGTERM', () => {
  void audit.close().then(() => {
    connection.close();
    clearInterval(alive);
  });
});
let next = 0;
await Promise.all(
  Array.from({ length: order.atOnce }, async () => {
    while (next < order.entries) {
      const subject = `${order.node}-${next++}`;
      await audit.audit({ by: 'test', action: 'test.add', subject, after: { subject } });
      process.stdout.write(`ok ${subject}\n`);
    }
  }),
);
process.stdout.write('done\n');
