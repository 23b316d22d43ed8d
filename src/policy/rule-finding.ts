/** One thing that is to be said of a rule, and what mends it: the form of every finding of the doctor of rules. */

export const SEVERITIES = ['error', 'warning', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface DoctorFinding<Check extends string> {
  readonly severity: Severity;
  readonly rule: string;
  /** Stable name of what was looked for. */
  readonly check: Check;
  /** What is so, one sentence. */
  readonly what: string;
  /** Why it matters, one sentence. */
  readonly why: string;
  /** For a shell; stands for the likeliest intention, and holds examples where only a person knows. */
  readonly command: string;
}

/** As one word of a command. */
export const quoted = (text: string): string =>
  /^[\w.,+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
