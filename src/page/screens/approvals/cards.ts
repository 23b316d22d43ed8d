/**
 * Which approvals are on the screen, in which order, and which one is open in full. Pure.
 *
 * Ordered by deadline, but what is there already never changes places while somebody's finger or focus is in the list: new
 * ones then come last. One that is settled stays where it is, with what became of it, until it is dismissed. Nothing becomes
 * the open one by itself while another is.
 */
import type { ApprovalReport } from '../../../approvals/approval.ts';

export interface Cards {
  readonly order: readonly string[];
  readonly byId: Readonly<Record<string, ApprovalReport>>;
  /** Shown in full. */
  readonly active: string | undefined;
}

export const NO_CARDS: Cards = { order: [], byId: {}, active: undefined };

/** More settled ones than this and the oldest go by themselves. */
const MOST_SETTLED = 10;

export type CardsAction =
  /** What waits, in whole. */
  | { readonly what: 'waiting'; readonly approvals: readonly ApprovalReport[]; readonly isFrozen: boolean }
  /** One of them, as it is now. */
  | { readonly what: 'told'; readonly approval: ApprovalReport; readonly isFrozen: boolean }
  | { readonly what: 'review'; readonly id: string }
  | { readonly what: 'dismiss'; readonly id: string };

export function changeCards(cards: Cards, action: CardsAction): Cards {
  switch (action.what) {
    case 'waiting':
      return arranged(action.approvals.reduce(put, cards), action.isFrozen);
    case 'told': {
      const { approval } = action;
      // What was settled without ever having been here is for the other tab.
      if (approval.state !== 'open' && cards.byId[approval.id] === undefined) return cards;
      return arranged(put(cards, approval), action.isFrozen);
    }
    case 'review':
      return { ...cards, active: action.id };
    case 'dismiss':
      return arranged(without(cards, action.id), false);
    default:
      return action satisfies never;
  }
}

/** Of those on the screen as waiting, the ones that wait no longer by the list: what became of them has to be asked. */
export const gone = (cards: Cards, approvals: readonly ApprovalReport[]): readonly string[] => {
  const waiting = new Set(approvals.map(({ id }) => id));
  return cards.order.filter((id) => cards.byId[id]?.state === 'open' && !waiting.has(id));
};

function put(cards: Cards, approval: ApprovalReport): Cards {
  const { id } = approval;
  const known = cards.byId[id];
  // An answer that was on its way while it was settled.
  if (known !== undefined && known.state !== 'open' && approval.state === 'open') return cards;
  return {
    ...cards,
    byId: { ...cards.byId, [id]: approval },
    order: known === undefined ? [...cards.order, id] : cards.order,
  };
}

function without(cards: Cards, id: string): Cards {
  const { [id]: _, ...byId } = cards.byId;
  const active = cards.active === id ? undefined : cards.active;
  return { byId, active, order: cards.order.filter((each) => each !== id) };
}

function arranged(cards: Cards, isFrozen: boolean): Cards {
  const isOpen = (id: string): boolean => cards.byId[id]?.state === 'open';
  const settled = cards.order.filter((id) => !isOpen(id) && id !== cards.active);
  const kept = settled.slice(0, -MOST_SETTLED).reduce(without, cards);
  const waiting = kept.order.filter(isOpen);
  const byDeadline = isFrozen
    ? waiting
    : waiting.toSorted((a, b) => deadlineOf(kept, a) - deadlineOf(kept, b) || a.localeCompare(b));
  // Those that are settled keep their places; those that wait are put in order around them.
  let next = 0;
  const order = kept.order.map((id) => (isOpen(id) ? (byDeadline[next++] ?? id) : id));
  const active = kept.active !== undefined && kept.byId[kept.active] !== undefined ? kept.active : order.find(isOpen);
  return { ...kept, order, active };
}

const deadlineOf = (cards: Cards, id: string): number => Date.parse(cards.byId[id]?.expiresAt ?? '') || 0;
