/** Let the call go and tell staff. */
import type { Action } from './action.ts';

export const alert = {
  name: 'alert',
  verdict: 'alert',
  demand: 'lenient',
  verb: 'reports',
  fields: {},
  answer: () => ({}),
} as const satisfies Action;
