/**
 * Many addresses that share the guessing at one account, so that each stays below the count of one: where ten have tried
 * it within a day, each of them has three attempts.
 */
import type { Detector } from './detector.ts';

const MANY = 10;
const ATTEMPTS_THEN = 3;

export const manyAddresses: Detector = {
  setting: 'manyAddressesOneAccount',
  detect: ({ account }) =>
    account === undefined || account.addresses < MANY || account.here < ATTEMPTS_THEN
      ? undefined
      : {
          range: 'address',
          defenceType: 'many addresses, one account',
          reason: `one of ${account.addresses} addresses that tried account ${account.name} within 24 hours`,
          offences: account.here,
        },
};
