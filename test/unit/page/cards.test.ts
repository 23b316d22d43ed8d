import { describe, expect, test } from 'vitest';
import type { ApprovalReport } from '../../../src/approvals/approval.ts';
import { type Cards, changeCards, gone, NO_CARDS } from '../../../src/page/screens/approvals/cards.ts';

const card = (id: string, endsIn: number, state: ApprovalReport['state'] = 'open'): ApprovalReport => ({
  ...{ id, state, extension: '1001', destination: '+15550100', trunk: null, destinationIs: '', rule: 'ask' },
  ...{
    because: 'x',
    facts: null,
    decision: 'd',
    node: 'n',
    openedAt: new Date(0).toISOString(),
    otherwise: 'block' as const,
  },
  expiresAt: new Date(endsIn * 1000).toISOString(),
  ...{ approversNeeded: 1, approvedBy: [], decidedBy: null, decidedFrom: null, decidedAt: null, reason: null },
  ...{ grant: null, waitedSeconds: null, resumedAfterMs: null },
});
const waiting = (cards: Cards, approvals: readonly ApprovalReport[], isFrozen = false): Cards =>
  changeCards(cards, { what: 'waiting', approvals, isFrozen });
const told = (cards: Cards, approval: ApprovalReport, isFrozen = false): Cards =>
  changeCards(cards, { what: 'told', approval, isFrozen });

describe('cards of held calls', () => {
  test('stand in the order in which their time runs out, and the first is open', () => {
    const cards = waiting(NO_CARDS, [card('late', 60), card('soon', 20)]);
    expect(cards).toMatchObject({ order: ['soon', 'late'], active: 'soon' });
  });

  test('do not change places while the list is touched: a new one comes last, however little time it has', () => {
    const cards = waiting(NO_CARDS, [card('a', 40), card('b', 50)]);
    expect(told(cards, card('new', 5), true).order).toEqual(['a', 'b', 'new']);
    expect(told(cards, card('new', 5), false).order).toEqual(['new', 'a', 'b']);
  });

  test('never open by themselves while another is open, not even while that one is settled', () => {
    let cards = waiting(NO_CARDS, [card('a', 40)]);
    cards = told(cards, card('b', 5));
    expect(cards.active).toBe('a');
    cards = told(cards, card('a', 40, 'withdrawn'));
    expect(cards).toMatchObject({ active: 'a', order: ['b', 'a'] });
    expect(changeCards(cards, { what: 'dismiss', id: 'a' })).toMatchObject({ active: 'b', order: ['b'] });
  });

  test('that are settled stay where they are until they are dismissed, ten of them at most', () => {
    let cards = waiting(NO_CARDS, [card('a', 10), card('b', 20), card('c', 30)]);
    cards = told(cards, card('b', 20, 'refused'));
    expect(cards.order).toEqual(['a', 'b', 'c']);
    for (let index = 0; index < 15; index++) {
      cards = told(cards, card(`x${index}`, 40 + index));
      cards = told(cards, card(`x${index}`, 40 + index, 'expired'));
    }
    expect(cards.order.filter((id) => cards.byId[id]?.state !== 'open')).toHaveLength(10);
    expect(cards.order).toContain('a');
  });

  test('that were settled are not waiting again by an older list, and one that was never here does not come', () => {
    const cards = told(waiting(NO_CARDS, [card('a', 10)]), card('a', 10, 'approved'));
    expect(waiting(cards, [card('a', 10)]).byId['a']?.state).toBe('approved');
    expect(told(NO_CARDS, card('z', 10, 'refused'))).toBe(NO_CARDS);
  });

  test('that wait no longer by the list are named, so that what became of them is asked', () => {
    const cards = waiting(NO_CARDS, [card('a', 10), card('b', 20)]);
    expect(gone(cards, [card('b', 20)])).toEqual(['a']);
  });
});
