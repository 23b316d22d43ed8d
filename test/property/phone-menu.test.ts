/** Whatever happens to a call to a supervisor, in any order and any number of times. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SETTLED } from '../../src/approvals/approval.ts';
import { type Menu, type MenuCommand, type MenuEvent, newMenu, step } from '../../src/approvals/phone-menu.ts';
import { runSeed } from '../support/property.ts';

const seed = runSeed('phone-menu');
const states = fc.constantFrom(...SETTLED);
const speeches = fc.nat({ max: 6 });
const events: fc.Arbitrary<MenuEvent> = fc.oneof(
  fc.record({ kind: fc.constant('answered' as const) }),
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('key' as const), key: fc.constantFrom('1', '2', '3', '4', '#') }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('spoken' as const), speech: speeches }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('silence' as const), speech: speeches }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('decided' as const),
      outcome: fc.oneof(
        fc.record({ kind: fc.constantFrom('first' as const, 'one-more' as const, 'failed' as const) }),
        fc.record({ kind: fc.constant('late' as const), state: states }),
      ),
    }),
  },
  fc.record({ kind: fc.constant('talk-began' as const) }),
  fc.record({
    kind: fc.constant('talk-failed' as const),
    because: fc.constantFrom('taken' as const, 'no-talk' as const),
  }),
  fc.record({ kind: fc.constant('settled' as const), state: states }),
  fc.record({ kind: fc.constantFrom('hung-up' as const, 'give-up' as const) }),
);
interface Played {
  readonly event: MenuEvent;
  readonly before: Menu;
  readonly commands: readonly MenuCommand[];
}
/** Answered first, mostly, so that much can happen; over late, so that it does. */
const histories = fc.tuple(
  fc.boolean(),
  fc.array(
    events.filter(({ kind }) => kind !== 'hung-up' && kind !== 'give-up'),
    { maxLength: 25 },
  ),
  fc.array(events, { maxLength: 5 }),
);
function play([isAnswered, middle, end]: [boolean, readonly MenuEvent[], readonly MenuEvent[]]): {
  readonly menu: Menu;
  readonly played: readonly Played[];
} {
  const first: readonly MenuEvent[] = isAnswered ? [{ kind: 'answered' }] : [];
  let menu = newMenu;
  const played = [...first, ...middle, ...end].map((event) => {
    const before = menu;
    const next = step(menu, event);
    menu = next.menu;
    return { event, before, commands: next.commands };
  });
  return { menu, played };
}

test('only a key 1 or 2 decides, what it says, after an answer, and never while a decision is on its way', () => {
  let decisions = 0;
  fc.assert(
    fc.property(histories, (history) => {
      let wasAnswered = false;
      let isSettled = false;
      let isDeciding = false;
      for (const { event, before, commands } of play(history).played) {
        if (event.kind === 'decided' && before.at === 'deciding') isDeciding = false;
        const decision = commands.find((command) => command.do === 'decide');
        if (decision !== undefined) {
          decisions += 1;
          expect(event).toEqual({ kind: 'key', key: decision.as === 'approved' ? '1' : '2' });
          expect([wasAnswered, isDeciding, isSettled]).toEqual([true, false, false]);
          isDeciding = true;
        }
        if (event.kind === 'answered') wasAnswered = true;
        if (event.kind === 'settled') isSettled = true;
      }
    }),
    { seed, numRuns: 3000 },
  );
  expect(decisions).toBeGreaterThan(500);
});

test('a talk that was begun is ended once before another, and before the last words', () => {
  let talks = 0;
  fc.assert(
    fc.property(histories, (history) => {
      let hasTalk = false;
      for (const { event, before, commands } of play(history).played) {
        if (event.kind === 'talk-failed' && before.at === 'joining') hasTalk = false;
        for (const command of commands) {
          if (command.do === 'talk') {
            expect(hasTalk).toBe(false);
            hasTalk = true;
            talks += 1;
          }
          if (command.do === 'end-talk') hasTalk = false;
          // Nothing can be said into a talk.
          if (command.do === 'say') expect(hasTalk).toBe(false);
        }
      }
    }),
    { seed, numRuns: 3000 },
  );
  expect(talks).toBeGreaterThan(300);
});

test('from anywhere it is over once it is settled, what is under way answered, and the last words said', () => {
  fc.assert(
    fc.property(histories, states, (history, state) => {
      let { menu } = play(history);
      for (const kind of ['settled', 'decided', 'spoken', 'spoken'] as const) {
        const event: MenuEvent = {
          settled: { kind: 'settled', state } as const,
          decided: { kind: 'decided', outcome: { kind: 'failed' } } as const,
          spoken: { kind: 'spoken', speech: menu.speech } as const,
        }[kind];
        menu = step(menu, event).menu;
      }
      expect(menu.at).toBe('over');
    }),
    { seed, numRuns: 3000 },
  );
});
