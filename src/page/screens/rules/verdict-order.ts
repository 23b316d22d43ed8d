import type { VerdictName } from '../../../policy/actions/action.ts';

/** The most restrictive first. */
export const VERDICT_ORDER: readonly VerdictName[] = ['block', 'hold', 'wait', 'alert', 'allow'];
