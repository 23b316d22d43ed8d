import { describe, expect, test } from 'vitest';
import type { Ban } from '../../../src/bans/ban.ts';
import { createStanding, type StandingOf } from '../../../src/bans/standing.ts';
import type { AllowEntry } from '../../../src/policy/allowlist.ts';
import type { EpochMs } from '../../../src/policy/call.ts';

const ban = (address: string, origin: Ban['origin']): Ban => ({
  address,
  origin,
  service: 'sip',
  since: 1 as EpochMs,
  until: 9 as EpochMs,
  offences: 1,
  timesBanned: 1,
  reason: `${origin} ban`,
  defenceType: 'x',
  protocol: null,
  attackedPort: null,
  by: 'x',
});
const entry: AllowEntry = {
  id: 'e1',
  name: 'Office',
  type: 'address',
  value: '203.0.113.9',
  description: '',
  owner: '',
  exemptFromCallLimits: true,
  createdAt: '',
  createdBy: '',
};

function world(known: { readonly allowed?: boolean; readonly bans?: readonly Ban[]; readonly country?: string }): {
  readonly standingOf: StandingOf;
  readonly hits: string[];
} {
  const hits: string[] = [];
  const standingOf = createStanding({
    allowed: { entryOf: () => (known.allowed === true ? entry : undefined), exempts: () => true },
    bans: { holding: () => known.bans ?? [] },
    noteAllowed: (id) => hits.push(`allowed ${id}`),
    noteBanned: (address) => hits.push(`banned ${address}`),
    country: () => known.country,
  });
  return { standingOf, hits };
}
const [byHand, automatic] = [ban('203.0.112.0/22', 'manual'), ban('203.0.113.9', 'automatic')];

describe('the first layer that knows an address answers', () => {
  test.each([
    [
      'allowlist before all',
      { allowed: true, bans: [automatic, byHand], country: 'XX' },
      { layer: 'allowlist', entry: 'Office', exempt: true },
    ],
    [
      'a ban by hand before the country, though an automatic one is narrower',
      { bans: [automatic, byHand], country: 'XX' },
      { layer: 'ban', reason: 'manual ban' },
    ],
    ['the country before automatic bans', { bans: [automatic], country: 'XX' }, { layer: 'country', reason: 'XX' }],
    ['an automatic ban last', { bans: [automatic] }, { layer: 'ban', address: '203.0.113.9', until: 9 }],
    ['nobody', {}, undefined],
  ])('%s', (_what, known, standing) => {
    const answer = world(known).standingOf('203.0.113.9');
    if (standing === undefined) expect(answer).toBeUndefined();
    else expect(answer).toMatchObject(standing);
  });
});

test('a call is noted as a hit of what answered, and a question is not', () => {
  const allowed = world({ allowed: true, bans: [byHand] });
  allowed.standingOf('203.0.113.9', 'question');
  expect(allowed.hits).toEqual([]);
  allowed.standingOf('203.0.113.9');
  expect(allowed.hits).toEqual(['allowed e1']);
  const banned = world({ bans: [automatic] });
  banned.standingOf('[::ffff:203.0.113.9]:5060');
  expect(banned.hits).toEqual(['banned 203.0.113.9']);
});

test('what is no address stands nowhere, whatever is banned', () => {
  const { standingOf } = world({ allowed: true, bans: [byHand] });
  for (const source of [undefined, '', 'sip.example', '203.0.113', '203.0.113.9:5060:1']) {
    expect(standingOf(source)).toBeUndefined();
  }
});
