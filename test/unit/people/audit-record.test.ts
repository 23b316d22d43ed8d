import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type AuditDraft, BEFORE_THE_FIRST, readDraft, readRecord, seal } from '../../../src/people/audit-record.ts';

const draft = (fields: Partial<AuditDraft> = {}): AuditDraft => ({
  at: '2026-11-21T09:41:07.123Z',
  node: 'pbx1',
  id: 'abc',
  by: 'cli anna',
  from: 'control socket',
  action: 'rules.set',
  subject: 'rule default',
  before: { limits: ['5/1s'] },
  after: { limits: ['3/1s'] },
  reason: null,
  ...fields,
});
const NOW_MS = 1_795_000_000_000;

describe('an entry', () => {
  test('names the hash of the one before it, and has the next number', () => {
    const [one, two] = seal([draft(), draft({ id: 'def' })], BEFORE_THE_FIRST, NOW_MS);
    if (one === undefined || two === undefined) throw new Error('not sealed');
    expect([one.place.seq, two.place.seq]).toEqual([1, 2]);
    expect(readRecord(two.text, two.place.hash)).toMatchObject({ seq: 2, previous: one.place.hash });
    expect(JSON.parse(one.text)).toMatchObject({ previous: '0'.repeat(64) });
  });

  test('is exported as its text with the hash at the end: whoever takes that off can hash the rest', () => {
    const odd = JSON.parse('{"10":1,"2":-0,"__proto__":{"a":"\\ud800"},"e":1e21,"t":"\\u2028é😀"}') as unknown;
    const [sealed] = seal([draft({ before: odd })], BEFORE_THE_FIRST, NOW_MS);
    if (sealed === undefined) throw new Error('not sealed');
    const record = readRecord(sealed.text, sealed.place.hash);
    // As it goes through the API and out of the command line.
    const line = JSON.stringify(JSON.parse(JSON.stringify(record)));
    const text = line.replace(/,"hash":"[0-9a-f]{64}"\}$/, '}');
    expect(text).toBe(sealed.text);
    expect(createHash('sha256').update(text).digest('hex')).toBe(sealed.place.hash);
  });

  test('is never written before the one that it follows, however the clock of the store was set', () => {
    const [sealed] = seal([draft()], { ...BEFORE_THE_FIRST, seq: 4, ms: NOW_MS + 5000 }, NOW_MS);
    expect(sealed?.place).toMatchObject({ seq: 5, ms: NOW_MS + 5000 });
  });

  test('that waits on the disk comes back as it was, and half a line does not', () => {
    const waiting = draft({ from: null, reason: 'why' });
    const line = JSON.stringify(waiting);
    expect(readDraft(line)).toEqual(waiting);
    for (let length = 0; length < line.length; length++)
      expect(readDraft(line.slice(0, length))).toHaveProperty('problem');
  });
});
