/** Too many failed attempts of one address at one service within the window: the base of all defence. */
import { type Detector, EVENTS_OF } from './detector.ts';

const TYPES = {
  web: 'log-in',
  api: 'API access',
  ami: 'AMI log-in',
  sipRegistration: 'SIP registration',
  sipCall: 'SIP call',
} as const;

export const attempts: Detector = {
  setting: undefined,
  detect: ({ service, attempts: most, inWindow, window }) =>
    inWindow.length < most
      ? undefined
      : {
          range: 'address',
          defenceType: TYPES[service],
          reason: `${inWindow.length} ${EVENTS_OF[service]} within ${window}`,
          offences: inWindow.length,
        },
};
