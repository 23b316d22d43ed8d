/**
 * Attempts against an Asterisk, honest ones among them, each with what it must be taken for. The recorder writes down what
 * Asterisk says of them; the end-to-end test makes them while the watch listens.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Attack, TCP } from './attack.ts';
import { CHAN_SIP_ATTACKS } from './chan-sip-attacks.ts';
import { PJSIP_ATTACKS } from './pjsip-attacks.ts';

const login = (username: string, secret: string): readonly string[] => [
  'Action: Login',
  `Username: ${username}`,
  `Secret: ${secret}`,
];

const MANAGER_ATTACKS: readonly Attack[] = [
  {
    name: 'manager-wrong-password',
    says: 'Log-in to the manager interface with a wrong password.',
    expected: [`ami wrong-password limited ${TCP}`],
    make: ({ manager }) => manager(login('limited', 'bad')),
  },
  {
    name: 'manager-wrong-digest',
    says: 'Log-in by challenge with a wrong response. Asterisk does not say for which user.',
    expected: [`ami wrong-password - ${TCP}`],
    make: ({ manager }) =>
      manager(
        ['Action: Challenge', 'AuthType: MD5'],
        ['Action: Login', 'AuthType: MD5', 'Username: limited', 'Key: 00'],
      ),
  },
  {
    name: 'manager-unknown-user',
    says: 'Log-in of a user that does not exist.',
    expected: [`ami unknown-account nobody ${TCP}`],
    make: ({ manager }) => manager(login('nobody', 'bad')),
  },
  {
    name: 'manager-barred',
    says: 'Log-in of a user from an address that the user may not come from.',
    expected: [`ami acl barred ${TCP}`],
    make: ({ manager }) => manager(login('barred', 'x')),
  },
  {
    name: 'manager-not-logged-in',
    says: 'An action before any log-in.',
    expected: [`ami scan - ${TCP}`],
    make: ({ manager }) => manager(['Action: Command', 'Command: core show version']),
  },
  {
    name: 'manager-other-protocol',
    says: 'HTTP spoken to the manager interface.',
    expected: [`ami malformed - ${TCP}`],
    make: ({ manager }) => manager(['GET / HTTP/1.1', 'Host: pbx']),
  },
  {
    name: 'manager-not-allowed',
    says: 'An action that the user who is logged in may not use: an error of an honest program.',
    expected: ['success ami limited 127.0.0.1 tcp'],
    make: ({ manager }) => manager(login('limited', 'limited'), ['Action: Originate', 'Channel: Local/1@from-phones']),
  },
  {
    name: 'manager-logged-in-twice',
    says: 'A user who is logged in already, where that is forbidden.',
    expected: ['success ami single 127.0.0.1 tcp'],
    make: async ({ manager }) => {
      const first = manager(login('single', 'single'));
      await sleep(200);
      await manager(login('single', 'single'));
      await first;
    },
  },
  {
    name: 'manager-good-login',
    says: 'An honest program logs in.',
    expected: ['success ami limited 127.0.0.1 tcp'],
    make: ({ manager }) => manager(login('limited', 'limited')),
  },
];

export const ATTACKS: readonly Attack[] = [...PJSIP_ATTACKS, ...MANAGER_ATTACKS, ...CHAN_SIP_ATTACKS];
