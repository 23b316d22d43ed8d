/**
 * What one call to a supervisor does at each thing that happens to it. Pure: a state and an event in, the next state and
 * commands out.
 *
 * Guarantees: nothing but a key 1 or 2, pressed by who has answered, decides; one decision is on its way at a time; after
 * the approval is settled no key counts; whatever happens, in whatever order and however often, ends with the call hung up.
 * Refuses to know: channels, sounds, who else is called, and how long anything takes.
 */
import type { PersonCallEvent } from '../asterisk/person-call.ts';
import type { SettledState } from './approval.ts';

/** A piece of what is said; see phone-words.ts. */
export type Phrase =
  /** Who calls whom, and the rule. */
  | 'who'
  | 'choices'
  | 'approved'
  | 'refused'
  | 'one-more'
  | 'already-approved'
  | 'already-refused'
  | 'too-late'
  | 'caller-gone'
  | 'taken'
  | 'no-talk'
  | 'not-saved'
  | 'nothing-decided';

/** What became of a decision. */
export type DecideOutcome =
  /** It counts. */
  | { readonly kind: 'first' }
  /** It is noted, and the approval stays open for another person. */
  | { readonly kind: 'one-more' }
  | { readonly kind: 'late'; readonly state: SettledState }
  /** The store did not take it. */
  | { readonly kind: 'failed' };

export type MenuEvent =
  | PersonCallEvent
  | { readonly kind: 'decided'; readonly outcome: DecideOutcome }
  | { readonly kind: 'talk-began' }
  | { readonly kind: 'talk-failed'; readonly because: 'taken' | 'no-talk' }
  /** The approval was settled, by whomever. */
  | { readonly kind: 'settled'; readonly state: SettledState };

export type MenuCommand =
  /** Instead of what is being said. Followed by `spoken`. */
  | { readonly do: 'say'; readonly speech: number; readonly phrases: readonly Phrase[] }
  | { readonly do: 'quiet' }
  /** Followed by `silence`, unless something else is said first. */
  | { readonly do: 'listen'; readonly speech: number }
  /** Followed by `decided`. */
  | { readonly do: 'decide'; readonly as: 'approved' | 'refused' }
  /** Followed by `talk-began` or `talk-failed`. */
  | { readonly do: 'talk' }
  | { readonly do: 'end-talk' }
  | { readonly do: 'hang-up' };

export interface Menu {
  readonly at:
    | 'ringing'
    | 'choosing'
    | 'deciding'
    /** On the way into the talk; a decision or the end may come first. */
    | 'joining'
    | 'talking'
    /** Says its last words. */
    | 'parting'
    | 'over';
  /** Number of the latest speech. */
  readonly speech: number;
  /** How often the choices were said without any key since. */
  readonly turn: number;
  readonly deciding?: 'approved' | 'refused';
  /** The talk has begun, or is about to, and has to be ended. */
  readonly hasTalk: boolean;
  /** Settled while the own decision was on its way. */
  readonly settled?: SettledState;
}

export interface MenuStep {
  readonly menu: Menu;
  readonly commands: readonly MenuCommand[];
}

/** Choices are said so often to one who presses nothing: a mailbox does not keep the line for ever. */
const MOST_TURNS = 3;

export const newMenu: Menu = { at: 'ringing', speech: 0, turn: 0, hasTalk: false };

export function step(menu: Menu, event: MenuEvent): MenuStep {
  if (menu.at === 'over') return stay(menu);
  switch (event.kind) {
    case 'answered':
      return menu.at === 'ringing' ? choices(menu, 1, ['who']) : stay(menu);
    case 'hung-up':
      return { menu: over(menu), commands: endTalk(menu) };
    case 'give-up':
      return hangUp(menu);
    case 'settled':
      return settled(menu, event.state);
    case 'key':
      return key(menu, event.key);
    case 'spoken':
      if (event.speech !== menu.speech) return stay(menu);
      if (menu.at === 'parting') return hangUp(menu);
      return menu.at === 'choosing' ? { menu, commands: [{ do: 'listen', speech: menu.speech }] } : stay(menu);
    case 'silence':
      if (event.speech !== menu.speech || menu.at !== 'choosing') return stay(menu);
      return menu.turn < MOST_TURNS ? choices(menu, menu.turn + 1, ['who']) : part(menu, 'nothing-decided');
    case 'decided':
      return menu.at === 'deciding' ? decided(menu, event.outcome) : stay(menu);
    case 'talk-began':
      return menu.at === 'joining' ? stay({ ...menu, at: 'talking' }) : stay(menu);
    case 'talk-failed':
      return menu.at === 'joining' ? choices({ ...menu, hasTalk: false }, 1, [event.because]) : stay(menu);
    default:
      return event satisfies never;
  }
}

function key(menu: Menu, pressed: string): MenuStep {
  const isTalking = menu.at === 'talking' || menu.at === 'joining';
  if (menu.at !== 'choosing' && !isTalking) return stay(menu);
  switch (pressed) {
    case '1':
      return decide(menu, 'approved');
    case '2':
      return decide(menu, 'refused');
    case '3':
      if (isTalking) return stay(menu);
      return { menu: { ...menu, at: 'joining', hasTalk: true }, commands: [{ do: 'quiet' }, { do: 'talk' }] };
    default:
      // 4, and any other key: who presses what is no choice has not understood them.
      return isTalking ? stay(menu) : choices(menu, 1, ['who']);
  }
}

const decide = (menu: Menu, as: 'approved' | 'refused'): MenuStep => ({
  menu: { ...menu, at: 'deciding', deciding: as },
  commands: [{ do: 'quiet' }, { do: 'decide', as }],
});

function decided(menu: Menu, outcome: DecideOutcome): MenuStep {
  switch (outcome.kind) {
    case 'first':
      return part(menu, menu.deciding ?? 'approved');
    case 'one-more':
      return menu.settled === undefined ? part(menu, 'one-more') : part(menu, lastWords(menu.settled));
    case 'late':
      return part(menu, lastWords(outcome.state));
    case 'failed': {
      if (menu.settled !== undefined) return part(menu, lastWords(menu.settled));
      const again = choices({ ...menu, hasTalk: false }, 1, ['not-saved']);
      return { menu: again.menu, commands: [...endTalk(menu), ...again.commands] };
    }
    default:
      return outcome satisfies never;
  }
}

function settled(menu: Menu, state: SettledState): MenuStep {
  switch (menu.at) {
    case 'ringing':
      return hangUp(menu);
    case 'deciding':
      return stay({ ...menu, settled: state });
    case 'choosing':
    case 'joining':
    case 'talking':
      return part(menu, lastWords(state));
    case 'parting':
    case 'over':
      return stay(menu);
    default:
      return menu.at satisfies never;
  }
}

function lastWords(state: SettledState): Phrase {
  switch (state) {
    case 'approved':
      return 'already-approved';
    case 'refused':
      return 'already-refused';
    case 'withdrawn':
      return 'caller-gone';
    case 'expired':
    case 'unanswerable':
      return 'too-late';
    default:
      return state satisfies never;
  }
}

const stay = (menu: Menu): MenuStep => ({ menu, commands: [] });
const over = (menu: Menu): Menu => ({ ...menu, at: 'over', hasTalk: false });
const endTalk = (menu: Menu): readonly MenuCommand[] => (menu.hasTalk ? [{ do: 'end-talk' }] : []);
const hangUp = (menu: Menu): MenuStep => ({ menu: over(menu), commands: [...endTalk(menu), { do: 'hang-up' }] });

function choices(menu: Menu, turn: number, first: readonly Phrase[]): MenuStep {
  const speech = menu.speech + 1;
  return {
    menu: { at: 'choosing', speech, turn, hasTalk: menu.hasTalk },
    commands: [{ do: 'say', speech, phrases: [...first, 'choices'] }],
  };
}

function part(menu: Menu, phrase: Phrase): MenuStep {
  const speech = menu.speech + 1;
  return {
    menu: { ...menu, at: 'parting', speech, hasTalk: false },
    commands: [...endTalk(menu), { do: 'say', speech, phrases: [phrase] }],
  };
}
