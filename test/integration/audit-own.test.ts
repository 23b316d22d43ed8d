/** One's own decisions out of the audit log of all, on a real Redis: what comes out, page by page, and what does not. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditLog } from '../../src/people/audit-log.ts';
import { ownDecisions } from '../../src/people/own-decisions.ts';
import type { EpochMs } from '../../src/policy/call.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { newStateDir, openTestAudit, removeStateDir } from '../support/audit.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let server: TestRedis;
let redis: Redis;
let stateDir: string;
let audit: AuditLog;

const all = { since: undefined, matches: () => true };
const KIM = { by: 'web kim', since: 0 as EpochMs };

beforeAll(async () => {
  server = await startRedis();
  redis = server.client();
  stateDir = await newStateDir();
  audit = await openTestAudit({ redis, keys: createKeys({ prefix: 'own', tenant: 'd' }), stateDir });
  const noted = async (by: string, action: string, subject: string): Promise<void> =>
    audit.audit({ by, from: '203.0.113.9', action, subject, before: { of: by }, reason: `because of ${by}` });
  await noted('web kim', 'session.open', 'user kim');
  for (let at = 1; at <= 7; at++) {
    // Together, so that some are written in one moment.
    await Promise.all([
      noted('web dana', 'approvals.approve', `approval d${at}`),
      noted('web kim', at % 2 === 0 ? 'approvals.refuse' : 'approvals.approve', `approval k${at}`),
      noted('web kimberly', 'approvals.refuse', `approval b${at}`),
      noted('link kim', 'approvals.approve', `approval l${at}`),
      noted('cli kim', 'grants.revoke', `grant c${at}`),
    ]);
  }
  await noted('web kim', 'grants.revoke', 'grant k8');
  await noted('web kim', 'alerts.acknowledge', 'alert k9');
});
afterAll(async () => {
  await audit.close();
  await removeStateDir(stateDir);
  await server.stop();
});

describe('own decisions', () => {
  test.each([1, 2, 3, 100])('are all that one decided himself, once each, newest first, by %i', async (limit) => {
    const subjects: string[] = [];
    const seen = new Set<string | null>();
    let cursor: string | undefined;
    for (let pages = 0; pages < 20; pages++) {
      const page = await ownDecisions(audit, KIM, { ...all, limit, cursor });
      subjects.push(...page.entries.map(({ subject }) => subject));
      if (page.cursor === null) break;
      expect(seen.has(page.cursor)).toBe(false);
      seen.add(page.cursor);
      cursor = page.cursor;
    }
    const mine = [8, 7, 6, 5, 4, 3, 2, 1].map((at) => (at === 8 ? 'grant k8' : `approval k${at}`));
    expect(subjects).toEqual(mine);
  });

  test('have nothing in them by which what others did could be read or counted', async () => {
    const { entries, cursor } = await ownDecisions(audit, KIM, { ...all, limit: 3, cursor: undefined });
    for (const entry of entries)
      expect(Object.keys(entry).sort()).toEqual(
        ['action', 'after', 'at', 'before', 'by', 'from', 'id', 'node', 'reason', 'subject'].sort(),
      );
    expect(JSON.stringify(entries)).not.toMatch(/dana|kimberly|link kim|cli kim|"seq"|"hash"|"previous"/);
    const known = (await audit.list({ ...all, limit: 1000, order: 'newest' })).entries;
    const places = known
      .filter(({ by }) => by !== KIM.by)
      .map(({ writtenAt, seq }) => `${Date.parse(writtenAt)}-${seq}`);
    expect(places).not.toContain(cursor);
    expect(cursor).toBe(
      `${Date.parse(known.find(({ id }) => id === entries[2]?.id)?.writtenAt ?? '')}~${entries[2]?.id}`,
    );
  });

  test('of one who was removed are not those of a later one of the same name', async () => {
    const since = (Date.now() + 1000) as EpochMs;
    expect(await ownDecisions(audit, { ...KIM, since }, { ...all, limit: 100, cursor: undefined })).toEqual({
      entries: [],
      cursor: null,
    });
  });

  test('are found as well by who made fewer of them than a look goes through', async () => {
    // A look that is left off half-way, as after fifty thousand entries of others.
    const leftOff = {
      list: async (query: Parameters<AuditLog['list']>[0]) => {
        let looked = 0;
        const page = await audit.list({
          ...query,
          matches: (entry) => {
            looked += 1;
            return looked <= 9 && query.matches(entry);
          },
        });
        const known = (await audit.list({ ...all, cursor: query.cursor, limit: 9, order: 'newest' })).cursor;
        return page.entries.length >= query.limit || known === null ? page : { ...page, cursor: known };
      },
    };
    const first = await ownDecisions(leftOff, KIM, { ...all, limit: 100, cursor: undefined });
    expect(first.entries.map(({ subject }) => subject)).toEqual(['grant k8', 'approval k7']);
    expect(first.cursor).toMatch(/^\d+~[\w-]*$/);
    expect(Number(first.cursor?.split('~')[0]) % 60_000).toBe(0);
    const rest = await ownDecisions(audit, KIM, { ...all, limit: 100, cursor: first.cursor ?? '' });
    expect(rest.entries.map(({ subject }) => subject)).toEqual([6, 5, 4, 3, 2, 1].map((at) => `approval k${at}`));
  });
});
