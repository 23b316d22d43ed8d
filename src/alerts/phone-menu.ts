/**
 * What one call about alerts does at each thing that happens to it. Pure: a state and an event in, the next state and
 * commands out.
 *
 * Guarantees: nothing but a key 1, pressed by who has answered, acknowledges; whatever happens, in whatever order and
 * however often, ends with the call hung up. Refuses to know: channels, sounds, and how long anything takes.
 */
import type { PersonCallEvent } from '../asterisk/person-call.ts';

/** A piece of what is said; see phone-words.ts. */
export type Phrase =
  /** What it is about. */
  'alerts' | 'choices' | 'yours' | 'settled' | 'not-saved' | 'nobody';

export type PhoneMenuEvent =
  | PersonCallEvent
  /** `late`: somebody else has it, or it is over. `failed`: the store did not take it. */
  | { readonly kind: 'acknowledged'; readonly outcome: 'first' | 'late' | 'failed' }
  /** Somebody else has all of it, or it is over. */
  | { readonly kind: 'settled' };

export type PhoneMenuCommand =
  /** Instead of what is being said. Followed by `spoken`. */
  | { readonly do: 'say'; readonly speech: number; readonly phrases: readonly Phrase[] }
  | { readonly do: 'quiet' }
  /** Followed by `silence`, unless something else is said first. */
  | { readonly do: 'listen'; readonly speech: number }
  /** Followed by `acknowledged`. */
  | { readonly do: 'acknowledge' }
  | { readonly do: 'hang-up' };

export interface PhoneMenu {
  readonly at:
    | 'ringing'
    | 'telling'
    | 'acknowledging'
    /** Says its last words. */
    | 'parting'
    | 'over';
  /** Number of the latest speech. */
  readonly speech: number;
  /** How often it was told without any key since. */
  readonly turn: number;
  /** Says what it has to say and hangs up: nothing is to be acknowledged. */
  readonly isTest: boolean;
}

interface Step {
  readonly menu: PhoneMenu;
  readonly commands: readonly PhoneMenuCommand[];
}

/** It is told so often to one who presses nothing: a mailbox does not keep the line for ever. */
const MOST_TURNS = 2;

export const newPhoneMenu = (isTest: boolean): PhoneMenu => ({ at: 'ringing', speech: 0, turn: 0, isTest });

export function stepPhoneMenu(menu: PhoneMenu, event: PhoneMenuEvent): Step {
  if (menu.at === 'over') return stay(menu);
  switch (event.kind) {
    case 'answered':
      if (menu.at !== 'ringing') return stay(menu);
      return menu.isTest ? part(menu, ['alerts']) : tell(menu, 1, ['alerts']);
    case 'hung-up':
      return stay({ ...menu, at: 'over' });
    case 'give-up':
      return hangUp(menu);
    case 'settled':
      if (menu.at === 'ringing') return hangUp(menu);
      return menu.at === 'telling' ? part(menu, ['settled']) : stay(menu);
    case 'key':
      if (menu.at !== 'telling') return stay(menu);
      if (event.key !== '1') return tell(menu, 1, ['alerts']);
      return { menu: { ...menu, at: 'acknowledging' }, commands: [{ do: 'quiet' }, { do: 'acknowledge' }] };
    case 'spoken':
      if (event.speech !== menu.speech) return stay(menu);
      if (menu.at === 'parting') return hangUp(menu);
      return menu.at === 'telling' ? { menu, commands: [{ do: 'listen', speech: menu.speech }] } : stay(menu);
    case 'silence':
      if (event.speech !== menu.speech || menu.at !== 'telling') return stay(menu);
      return menu.turn < MOST_TURNS ? tell(menu, menu.turn + 1, ['alerts']) : part(menu, ['nobody']);
    case 'acknowledged':
      return menu.at === 'acknowledging' ? acknowledged(menu, event.outcome) : stay(menu);
    default:
      return event satisfies never;
  }
}

function acknowledged(menu: PhoneMenu, outcome: 'first' | 'late' | 'failed'): Step {
  switch (outcome) {
    case 'first':
      return part(menu, ['yours']);
    case 'late':
      return part(menu, ['settled']);
    case 'failed':
      return tell(menu, 1, ['not-saved']);
    default:
      return outcome satisfies never;
  }
}

const stay = (menu: PhoneMenu): Step => ({ menu, commands: [] });
const hangUp = (menu: PhoneMenu): Step => ({ menu: { ...menu, at: 'over' }, commands: [{ do: 'hang-up' }] });

function tell(menu: PhoneMenu, turn: number, first: readonly Phrase[]): Step {
  const speech = menu.speech + 1;
  return {
    menu: { ...menu, at: 'telling', speech, turn },
    commands: [{ do: 'say', speech, phrases: [...first, 'choices'] }],
  };
}

function part(menu: PhoneMenu, phrases: readonly Phrase[]): Step {
  const speech = menu.speech + 1;
  return { menu: { ...menu, at: 'parting', speech }, commands: [{ do: 'say', speech, phrases }] };
}
