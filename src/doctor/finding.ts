/** One thing that the doctor of the machine looked at: the form of every result, and how a family of checks makes them. */

/**
 * `unknown`: it could not be seen, and the finding says what it takes. It is no trouble and no proof that there is none.
 */
export const LEVELS = ['bad', 'warn', 'unknown', 'ok'] as const;
export type Level = (typeof LEVELS)[number];

/** In the order in which they are shown. */
export const FAMILIES = [
  'updates',
  'ssh',
  'ports',
  'secrets',
  'accounts',
  'certificates',
  'asterisk',
  'dialplan',
  'connections',
] as const;
export type Family = (typeof FAMILIES)[number];

export interface MachineFinding {
  readonly family: Family;
  /** Stable name of what was looked at, unique within its family. */
  readonly check: string;
  readonly level: Level;
  /** What was found, one sentence. Never holds a secret. */
  readonly what: string;
  /** Why it matters, one sentence. */
  readonly why: string;
  /** For a shell, or the line to write and where; empty where all is well. */
  readonly command: string;
}

/** @throws nothing that a reader must know: whatever it throws becomes a finding of level `unknown` */
export type Examine<Context> = (context: Context) => Promise<readonly MachineFinding[]>;

export interface FindingMaker {
  readonly ok: (check: string, what: string, why: string) => MachineFinding;
  readonly warn: (check: string, what: string, why: string, command: string) => MachineFinding;
  readonly bad: (check: string, what: string, why: string, command: string) => MachineFinding;
  /** @param command what makes it visible */
  readonly unknown: (check: string, what: string, why: string, command: string) => MachineFinding;
}

export function findingsOf(family: Family): FindingMaker {
  const make =
    (level: Level) =>
    (check: string, what: string, why: string, command = ''): MachineFinding => ({
      family,
      check,
      level,
      what,
      why,
      command,
    });
  return { ok: make('ok'), warn: make('warn'), bad: make('bad'), unknown: make('unknown') };
}

/** The first few of a list, for a sentence. */
export function several(names: readonly string[], most = 6): string {
  const shown = names.slice(0, most).join(', ');
  return names.length <= most ? shown : `${shown} and ${names.length - most} more`;
}
