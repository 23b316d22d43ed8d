/** Refuse the call with a hang-up cause and a prompt. */
import { z } from 'zod';
import { type Action, blockAnswer } from './action.ts';

/** ITU-T Q.850 causes that Asterisk can send; 21 (call rejected) reaches a SIP phone as 403. */
const HANGUP_CAUSE_HINT = 'is not a hang-up cause; write a number from 1 to 127 such as 21';
const hangupCause = z
  .int({ error: HANGUP_CAUSE_HINT })
  .min(1, { error: HANGUP_CAUSE_HINT })
  .max(127, { error: HANGUP_CAUSE_HINT });
/** A sound file name of Asterisk, without extension; `none` for silence. */
const prompt = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9/_.-]{0,127}$/, {
  error: 'is not a sound file name; letters, digits and / _ . - are allowed, or the word none',
});

export const block = {
  name: 'block',
  verdict: 'block',
  demand: 'required',
  verb: 'refuses',
  fields: { hangupCause: hangupCause.default(21), prompt: prompt.default('tollgate-limit') },
  answer: blockAnswer,
} as const satisfies Action;
