/**
 * What a rule does once its limits are used up. Everything that differs between actions stands in the action's file, so
 * that a new one is that file and its entry in registry.ts.
 */
import type { z } from 'zod';

/** The one answer for a call, most restrictive first: the order in which findings outrank each other. */
export const VERDICTS = ['block', 'hold', 'wait', 'alert', 'allow'] as const;
export type VerdictName = (typeof VERDICTS)[number];

/**
 * How a rule's limits take part in the one atomic step of a call.
 *
 * - `required`: no token, no call; nothing is taken anywhere.
 * - `lenient`: tokens are taken where there are some; the call goes on without.
 * - `paced`: as required, but a place in the near future will do; the call takes it and waits.
 * - `shadow`, `paced-shadow`: counted in buckets of its own as if it were enforced; never changes anything.
 */
export type Demand = 'required' | 'lenient' | 'paced' | 'shadow' | 'paced-shadow';

export interface Action {
  readonly name: string;
  /** The verdict when the rule is exceeded. */
  readonly verdict: VerdictName;
  readonly demand: 'required' | 'lenient' | 'paced';
  /** Fields that this action reads from a rule, each optional with a default. */
  readonly fields: Readonly<Record<string, z.ZodType>>;
  /** How the sentence about an exceeded rule begins: "Rule default refuses". */
  readonly verb: string;
  /** Made once, when a rule is compiled, from the rule's own fields. */
  readonly answer: (rule: never) => ActionAnswer;
}

/** What an action adds to the answer that the dialplan gets, beside verdict, rule and reason. */
export interface ActionAnswer {
  /** ITU-T Q.850. */
  readonly hangupCause?: number;
  /** Sound file to play; absent for none. */
  readonly prompt?: string;
  readonly hold?: Hold;
  /** What a waiting caller hears. */
  readonly whileWaiting?: string;
}

/** What becomes of a held call if nobody decides in time, or nobody can be asked. */
export const OTHERWISE = ['block', 'allow'] as const;

/** How calls of a rule are held, and who is asked. */
export interface Hold {
  readonly timeoutSeconds: number;
  readonly otherwise: (typeof OTHERWISE)[number];
  /** How many different people have to approve. One refuses. */
  readonly approvers: 1 | 2;
  /** Endpoints of supervisors who are called, such as `PJSIP/2001`; empty: nobody is. */
  readonly supervisors: readonly string[];
  readonly ring: 'all' | 'in-order';
  readonly ringSeconds: number;
  /** The caller's call is answered while he waits, so that every phone lets him hear it. */
  readonly answer: boolean;
  /** Sound file that tells the caller why he waits; absent for none. */
  readonly announcement?: string;
  /** Music class; absent: that of the channel. */
  readonly music?: string;
}

/** What a refused caller gets, of every action that refuses. */
export const blockAnswer = (rule: { readonly hangupCause: number; readonly prompt: string }): ActionAnswer => ({
  hangupCause: rule.hangupCause,
  ...(rule.prompt === 'none' ? {} : { prompt: rule.prompt }),
});
