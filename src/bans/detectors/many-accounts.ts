/** One address that tries many accounts, however slowly: as many in a day as it may make attempts in the window. */
import type { Detector } from './detector.ts';

export const manyAccounts: Detector = {
  setting: 'manyAccounts',
  detect: ({ accounts, attempts, within }) =>
    accounts < attempts
      ? undefined
      : {
          range: 'address',
          defenceType: 'many accounts',
          reason: `${accounts} accounts tried from one address within 24 hours`,
          offences: within(24),
        },
};
