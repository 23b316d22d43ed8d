/** Hold the call until a supervisor decides. */
import { z } from 'zod';
import { durationField, parseDuration } from '../duration.ts';
import { type Action, type ActionAnswer, blockAnswer, OTHERWISE } from './action.ts';

/** Carriers and phones give up a call that is not answered for three minutes. */
const LONGEST_HOLD_MS = 10 * 60_000;
const MOST_SUPERVISORS = 20;

const soundFile = z
  .string()
  .regex(/^[\w./-]{1,80}$/, { error: 'is not the name of a sound file; write none for none' });

const approval = z.strictObject({
  timeout: durationField(5000, LONGEST_HOLD_MS, '60s').default('60s'),
  otherwise: z.enum(OTHERWISE).default('block'),
  approvers: z.union([z.literal(1), z.literal(2)], { error: 'is not known; write 1 or 2' }).default(1),
  supervisors: z
    .array(
      z.string().regex(/^[\w.+@/:-]{1,80}$/, {
        error: 'is no endpoint; write 2001, PJSIP/2001 or PJSIP/+15555550100@carrier-a',
      }),
    )
    .max(MOST_SUPERVISORS, { error: `has more than ${MOST_SUPERVISORS} supervisors` })
    .default([]),
  ring: z.enum(['all', 'in-order'], { error: 'is not known; write all or in-order' }).default('all'),
  ringSeconds: z.int().min(5).max(120).default(25),
  answer: z.boolean({ error: 'is not known; write true or false' }).default(false),
  announcement: soundFile.default('tollgate-approval'),
  music: z
    .string()
    .regex(/^[\w.-]{1,80}$/, { error: 'is not the name of a music class' })
    .optional(),
});
type ApprovalFields = z.output<typeof approval>;

export const approve = {
  name: 'approve',
  verdict: 'hold',
  demand: 'required',
  verb: 'holds for approval',
  fields: { approval: approval.optional() },
  answer: (rule: {
    readonly hangupCause: number;
    readonly prompt: string;
    readonly approval?: ApprovalFields | undefined;
  }): ActionAnswer => {
    const fields = rule.approval ?? approval.parse({});
    return {
      ...blockAnswer(rule),
      hold: {
        timeoutSeconds: Math.ceil((parseDuration(fields.timeout) ?? 0) / 1000),
        otherwise: fields.otherwise,
        approvers: fields.approvers,
        supervisors: fields.supervisors.map((name) => (name.includes('/') ? name : `PJSIP/${name}`)),
        ring: fields.ring,
        ringSeconds: fields.ringSeconds,
        answer: fields.answer,
        ...(fields.announcement === 'none' ? {} : { announcement: fields.announcement }),
        ...(fields.music === undefined ? {} : { music: fields.music }),
      },
    };
  },
} as const satisfies Action;
