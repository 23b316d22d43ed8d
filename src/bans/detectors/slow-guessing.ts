/** Guessing that stays below the window's count for hours or days: three times the attempts in a day is too many. */
import { type Detector, EVENTS_OF } from './detector.ts';

/** Times the attempts of the service. A phone that somebody mistypes his password into stays far below. */
const WINDOWS = [
  { hours: 24, times: 3, text: '24 hours' },
  { hours: 72, times: 5, text: '72 hours' },
  { hours: 168, times: 8, text: '7 days' },
] as const;

export const slowGuessing: Detector = {
  setting: 'slowGuessing',
  detect: ({ service, attempts, within }) => {
    for (const { hours, times, text } of WINDOWS) {
      const offences = within(hours);
      if (offences < times * attempts) continue;
      const reason = `${offences} ${EVENTS_OF[service]} within ${text}`;
      return { range: 'address', defenceType: 'slow guessing', reason, offences };
    }
    return undefined;
  },
};
