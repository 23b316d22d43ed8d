/**
 * An alert: one thing that staff should know, as a value. Pure.
 *
 * Whoever raises one says what it is about; alerts of one kind about one thing become one incident (grouping.ts). It
 * knows no person, no channel and no medium.
 */
import { z } from 'zod';
import type { EpochMs } from '../policy/call.ts';

/** From least to most; quiet hours hold back all but the last. */
export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

interface KindOfAlert {
  readonly severity: Severity;
  /** What is so stays so until somebody says that it is over; else it is over when nothing more comes. */
  readonly lasts: boolean;
  /** Several of them: `412 refused`. */
  readonly counted: string;
  /** Several of them about different things: `31 limits exceeded`. */
  readonly many: string;
}

export const ALERT_KINDS = {
  'limit-exceeded': { severity: 'warning', lasts: false, counted: 'over the limit', many: 'over limits' },
  'repeated-refusals': { severity: 'warning', lasts: false, counted: 'refused', many: 'refused again and again' },
  // A person is on the line: too late is no use.
  'approval-waiting': { severity: 'critical', lasts: true, counted: 'waiting', many: 'calls waiting for approval' },
  ban: { severity: 'info', lasts: false, counted: 'bans', many: 'bans' },
  // Somebody cannot work until a person looks.
  locked: { severity: 'critical', lasts: true, counted: 'locked', many: 'locked out' },
  fraud: { severity: 'critical', lasts: false, counted: 'signs of fraud', many: 'signs of fraud' },
  defence: { severity: 'warning', lasts: false, counted: 'reports', many: 'reports of the defence' },
  component: { severity: 'critical', lasts: true, counted: 'times down', many: 'components down' },
  'rules-changed': { severity: 'warning', lasts: false, counted: 'changes', many: 'changes' },
  shadow: { severity: 'info', lasts: false, counted: 'would have been acted on', many: 'would have been acted on' },
  'log-in': { severity: 'warning', lasts: false, counted: 'log-ins', many: 'log-ins from new addresses' },
  test: { severity: 'info', lasts: false, counted: 'tests', many: 'tests' },
} as const satisfies Readonly<Record<string, KindOfAlert>>;

export type AlertKind = keyof typeof ALERT_KINDS;
export const KIND_NAMES = Object.keys(ALERT_KINDS) as AlertKind[];
export const kindOf = (kind: AlertKind): KindOfAlert => ALERT_KINDS[kind];

const epochMs = z.int().transform((at) => at as EpochMs);

/** The form in the store, and the shape of the value. Texts are one line each; they may hold what a caller chose. */
export const alertSchema = z.object({
  kind: z.enum(KIND_NAMES),
  severity: z.enum(SEVERITIES),
  at: epochMs,
  node: z.string(),
  /** What it is about, as those are told apart that are gathered: `default extension 1001`. */
  about: z.string(),
  rule: z.string().nullable(),
  /** `extension 1001`, `203.0.113.9`, `AMI pbx1`. */
  subject: z.string().nullable(),
  /** Headline. */
  title: z.string(),
  /** The whole of it, one or two sentences. */
  sentence: z.string(),
  /** The held call that it is about. */
  approval: z.object({ id: z.string(), expiresAt: epochMs }).nullable(),
  /** The same one seen by several daemons has the same text here, and counts once. */
  once: z.string().nullable(),
});
export type Alert = Readonly<z.infer<typeof alertSchema>>;

/** What a source says; the rest has defaults by kind. */
export type NewAlert = Pick<Alert, 'kind' | 'about' | 'title' | 'sentence'> &
  Partial<Pick<Alert, 'severity' | 'rule' | 'subject' | 'approval' | 'once' | 'at'>>;

const LONGEST = { about: 200, title: 160, sentence: 600, subject: 120 } as const;

/** One line of at most so many characters, without what turns the direction of writing. */
export const oneLine = (text: string, most: number): string => {
  const line = text.replace(/[\s\p{Cc}\p{Cs}\p{Bidi_Control}]+/gu, ' ').trim();
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
};

export const completeAlert = (wanted: NewAlert, node: string, now: EpochMs): Alert => ({
  kind: wanted.kind,
  severity: wanted.severity ?? kindOf(wanted.kind).severity,
  at: wanted.at ?? now,
  node,
  about: oneLine(wanted.about, LONGEST.about),
  rule: wanted.rule ?? null,
  subject: wanted.subject == null ? null : oneLine(wanted.subject, LONGEST.subject),
  title: oneLine(wanted.title, LONGEST.title),
  sentence: oneLine(wanted.sentence, LONGEST.sentence),
  approval: wanted.approval ?? null,
  once: wanted.once ?? null,
});

/** Alerts with the same key are one incident. */
export const keyOf = ({ kind, about }: Pick<Alert, 'kind' | 'about'>): string => `${kind} ${about}`;

/** Alerts of one family are gathered across subjects when too many of them come. */
export const familyOf = ({ kind, rule }: Pick<Alert, 'kind' | 'rule'>): string => `${kind} ${rule ?? ''}`;
