/** Every action there is. The schema of rules, the verdict and the help texts are derived from this list. */
import { alert } from './alert.ts';
import { approve } from './approve.ts';
import { block } from './block.ts';
import { wait } from './wait.ts';

export const ACTIONS = { block, alert, wait, approve } as const;
export type ActionName = keyof typeof ACTIONS;

export const ACTION_FIELDS = { ...block.fields, ...alert.fields, ...wait.fields, ...approve.fields } as const;
