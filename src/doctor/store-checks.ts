/** An external store, asked for what Tollgate needs of it: that it answers, is new enough, throws nothing away and keeps what it has. */
import { Cluster } from 'ioredis';
import { type Config, storePlace } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import { createLog } from '../log.ts';
import { connectRedis } from '../redis/connection.ts';
import { findingsOf, type MachineFinding } from './finding.ts';

const { ok, warn, bad, unknown } = findingsOf('connections');
const WITHIN_MS = 4_000;
const WHY = 'counts, bans and the policy are in it';

/** The private store is the daemon's own part, and shows itself there. */
export async function examineStore(redis: Config['redis']): Promise<readonly MachineFinding[]> {
  const place = storePlace(redis);
  if (place.kind === 'embedded') return [];
  const { log } = createLog({ level: 'silent', format: 'json' });
  const connection = connectRedis(place, { log, name: 'tollgate-doctor', commandTimeoutMs: WITHIN_MS });
  try {
    await connection.untilUp(WITHIN_MS);
    const client = connection.redis;
    const info = client instanceof Cluster ? ((await client.nodes('master')[0]?.info()) ?? '') : await client.info();
    return judged(new Map([...info.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, key = '', value = '']) => [key, value])));
  } catch (error) {
    return [
      bad(
        'store',
        `the store cannot be used: ${messageOf(error)}`,
        WHY,
        'start it, and see section redis of tollgate.yaml',
      ),
    ];
  } finally {
    connection.close();
  }
}

function judged(info: ReadonlyMap<string, string>): readonly MachineFinding[] {
  const version = info.get('redis_version') ?? '';
  const policy = info.get('maxmemory_policy');
  const findings: MachineFinding[] = [];
  if (version === '')
    findings.push(
      unknown('store', 'the store answers, but does not say what it is', WHY, 'let the user of the store run INFO'),
    );
  else if (Number(version.split('.')[0]) < 7)
    findings.push(
      bad(
        'store',
        `the store is of version ${version}; Tollgate needs 7.0`,
        WHY,
        'install Redis 7.0 or newer, or Valkey',
      ),
    );
  else findings.push(ok('store', `the store answers, version ${version}`, WHY));
  if (policy !== undefined && policy !== 'noeviction') {
    findings.push(
      bad(
        'store-eviction',
        `the store throws keys away when its memory is full (${policy})`,
        'a count that was thrown away lets calls through',
        'redis.conf: maxmemory-policy noeviction; at once: redis-cli CONFIG SET maxmemory-policy noeviction',
      ),
    );
  }
  if (info.get('aof_enabled') === '0') {
    findings.push(
      warn(
        'store-durability',
        'the store has no append-only file',
        'after its restart counts begin anew, and what was changed since the last snapshot is gone',
        'redis.conf: appendonly yes; at once: redis-cli CONFIG SET appendonly yes',
      ),
    );
  }
  return findings;
}
