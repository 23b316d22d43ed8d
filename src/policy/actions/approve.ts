/** Hold the call until a supervisor decides. */
import { z } from 'zod';
import { durationField, parseDuration } from '../duration.ts';
import { type Action, type ActionAnswer, blockAnswer } from './action.ts';

/** Carriers and phones give up a call that is not answered for three minutes. */
const LONGEST_HOLD_MS = 10 * 60_000;
const USUAL_TIMEOUT = '60s';

export const OTHERWISE = ['block', 'allow'] as const;

/** How a call of this rule is held. */
export interface Hold {
  readonly timeoutSeconds: number;
  /** What becomes of the call if nobody decides in time, or nobody can be asked. */
  readonly otherwise: (typeof OTHERWISE)[number];
}

export const approve = {
  name: 'approve',
  verdict: 'hold',
  demand: 'required',
  verb: 'holds for approval',
  fields: {
    approval: z
      .strictObject({
        timeout: durationField(5000, LONGEST_HOLD_MS, '60s').default(USUAL_TIMEOUT),
        otherwise: z.enum(OTHERWISE).default('block'),
      })
      .optional(),
  },
  answer: (rule: {
    readonly hangupCause: number;
    readonly prompt: string;
    readonly approval?: { readonly timeout: string; readonly otherwise: Hold['otherwise'] } | undefined;
  }): ActionAnswer => ({
    ...blockAnswer(rule),
    hold: {
      timeoutSeconds: Math.ceil((parseDuration(rule.approval?.timeout ?? USUAL_TIMEOUT) ?? 0) / 1000),
      otherwise: rule.approval?.otherwise ?? 'block',
    },
  }),
} as const satisfies Action;
