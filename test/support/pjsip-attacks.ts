/** Attempts against chan_pjsip, which 16 and 22 tell of alike. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Attack, forged, guess, TCP, times, UDP } from './attack.ts';
import { ask, authorization, challengeOf, newCallId, type SipWire, sipRequest } from './sip-wire.ts';

const DECOY = 'Authorization: Digest username="x", realm="decoy", nonce="decoy", uri="sip:x", response="00"';

const overEachTransport = (['udp', 'tcp', 'tls', 'ws', 'wss', 'udp6'] as const).flatMap((by): Attack[] => {
  const from = by === 'udp' ? UDP : by === 'udp6' ? '::1 udp spoofable' : `127.0.0.1 ${by} proven`;
  return [
    {
      name: `register-wrong-password-${by}`,
      says: `REGISTER of an account that exists with a wrong password, over ${by}.`,
      needsTls: by === 'tls' || by === 'wss',
      expected: [`sipRegistration wrong-password 1001 ${from}`],
      make: async ({ pjsip }) => guess(await pjsip(by), 'REGISTER', '1001', ['bad']),
    },
    {
      name: `register-unknown-account-${by}`,
      says: `REGISTER of an account that does not exist, without and then with a password, over ${by}.`,
      needsTls: by === 'tls' || by === 'wss',
      expected: [`sipRegistration unknown-account 9001 ${from}`],
      make: async ({ pjsip }) => guess(await pjsip(by), 'REGISTER', '9001', ['bad']),
    },
  ];
});

const withEachMethod = (['REGISTER', 'INVITE', 'OPTIONS'] as const).flatMap((method): Attack[] => [
  {
    name: `${method.toLowerCase()}-unknown-account-probe`,
    says: `${method} by an account that does not exist, without a password.`,
    expected: [`sipRegistration unknown-account 9001 ${UDP}`],
    make: async ({ pjsip }) => guess(await pjsip(), method, '9001', []),
  },
  {
    name: `${method.toLowerCase()}-barred`,
    says: `${method} by an account that may not be used from there, without and then with a password.`,
    expected: [`sipRegistration acl 1009 ${UDP}`],
    make: async ({ pjsip }) => guess(await pjsip(), method, '1009', ['bad']),
  },
]);

const ofOtherMethods = (['INVITE', 'OPTIONS'] as const).map(
  (method): Attack => ({
    name: `${method.toLowerCase()}-wrong-password`,
    says: `${method} by an account that exists with a wrong password. Nothing tells it from a REGISTER.`,
    expected: [`sipRegistration wrong-password 1001 ${UDP}`],
    make: async ({ pjsip }) => guess(await pjsip(), method, '1001', ['bad']),
  }),
);

export const PJSIP_ATTACKS: readonly Attack[] = [
  ...overEachTransport,
  ...withEachMethod,
  ...ofOtherMethods,
  {
    name: 'five-guesses-one-call-id',
    says: 'Five passwords for one account on one Call-ID.',
    expected: times(5, `sipRegistration wrong-password 1001 ${UDP}`),
    make: async ({ pjsip }) => guess(await pjsip(), 'REGISTER', '1001', ['a', 'b', 'c', 'd', 'e']),
  },
  {
    name: 'five-guesses-one-call-id-tcp',
    says: 'The same over TCP, and the same password each time.',
    expected: times(5, `sipRegistration wrong-password 1001 ${TCP}`),
    make: async ({ pjsip }) => guess(await pjsip('tcp'), 'REGISTER', '1001', times(5, 'a')),
  },
  {
    name: 'five-guesses-unknown-account-one-call-id',
    says: 'Five passwords for an account that does not exist, on one Call-ID.',
    expected: times(5, `sipRegistration unknown-account 9001 ${UDP}`),
    make: async ({ pjsip }) => guess(await pjsip(), 'REGISTER', '9001', ['a', 'b', 'c', 'd', 'e']),
  },
  {
    name: 'five-accounts-one-call-id',
    says: 'Five accounts that do not exist, on one Call-ID, without a password.',
    expected: times(5, '').map((_, index) => `sipRegistration unknown-account 900${index} ${UDP}`),
    make: async ({ pjsip }) => {
      const wire = await pjsip();
      const callId = newCallId();
      for (let index = 0; index < 5; index += 1) {
        await ask(wire, { method: 'OPTIONS', user: `900${index}`, callId, sequence: index + 1 });
      }
    },
  },
  {
    name: 'guesses-behind-a-decoy-tcp',
    says: 'Three passwords behind a header for another realm, which is all that the events show. They look the same.',
    expected: times(3, `sipRegistration wrong-password 1001 ${TCP}`),
    make: async ({ pjsip }) => guess(await pjsip('tcp'), 'REGISTER', '1001', ['a', 'b', 'c'], { before: [DECOY] }),
  },
  {
    name: 'guesses-behind-a-decoy-udp',
    says: 'Nine passwords in the same way over UDP, where up to three the same after one are taken for lost answers.',
    expected: times(3, `sipRegistration wrong-password 1001 ${UDP}`),
    make: async ({ pjsip }) =>
      guess(await pjsip(), 'REGISTER', '1001', ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'], { before: [DECOY] }),
  },
  {
    name: 'wrong-password-sent-again',
    says: 'One wrong password; the datagram is sent three times, as if the answer had been lost.',
    expected: [`sipRegistration wrong-password 1001 ${UDP}`],
    make: async ({ pjsip }) => {
      const wire = await pjsip();
      const [user, method, callId] = ['1001', 'REGISTER', newCallId()] as const;
      const challenge = challengeOf(await ask(wire, { method, user, callId }));
      const lines = [authorization(wire, { user, password: 'bad', method, ...challenge })];
      await repeat(wire, sipRequest(wire, { method, user, callId, sequence: 2, lines }));
    },
  },
  {
    name: 'unknown-account-sent-again',
    says: 'One REGISTER of an account that does not exist; the datagram is sent three times.',
    expected: [`sipRegistration unknown-account 9001 ${UDP}`],
    make: async ({ pjsip }) => {
      const wire = await pjsip();
      await repeat(wire, sipRequest(wire, { method: 'REGISTER', user: '9001' }));
    },
  },
  {
    name: 'forged-datagram',
    says: 'One datagram with an invented nonce, as anybody can send it in the name of any address.',
    expected: [`sipRegistration wrong-password 1001 ${UDP}`],
    make: async ({ pjsip }) => {
      const wire = await pjsip();
      await ask(wire, forged(wire, '1001'));
    },
  },
  {
    name: 'forged-datagram-unknown-account',
    says: 'The same for an account that does not exist.',
    expected: [`sipRegistration unknown-account 9001 ${UDP}`],
    make: async ({ pjsip }) => {
      const wire = await pjsip();
      await ask(wire, forged(wire, '9001'));
    },
  },
  {
    name: 'another-address-in-the-name-tcp',
    says: 'The name that is tried holds a line with the address of somebody else. The name is not known then.',
    expected: [`sipRegistration unknown-account - ${TCP}`],
    make: async ({ pjsip }) =>
      guess(await pjsip('tcp'), 'REGISTER', 'x%0aRemoteAddress%3aIPV4/TCP/192.0.2.9/1', ['bad']),
  },
  {
    name: 'an-empty-line-in-the-name-tcp',
    says: 'The name that is tried holds an empty line and the beginning of another event. Three guesses.',
    expected: times(3, `sipRegistration unknown-account - ${TCP}`),
    make: async ({ pjsip }) => guess(await pjsip('tcp'), 'REGISTER', 'x%0a%0aEvent%3aSuccessfulAuth', ['a', 'b', 'c']),
  },
  {
    name: 'a-name-of-odd-characters',
    says: 'A name of 400 letters, and one of quotes and a bare carriage return.',
    expected: [
      `sipRegistration unknown-account ${'a'.repeat(36)} ${UDP}`,
      `sipRegistration unknown-account ';--?é ${UDP}`,
    ],
    make: async ({ pjsip }) => {
      const wire = await pjsip();
      await ask(wire, { method: 'REGISTER', user: 'a'.repeat(400) });
      await ask(wire, { method: 'REGISTER', user: "';--%0d%c3%a9" });
    },
  },
  {
    name: 'anonymous-register',
    says: 'REGISTER where calls of anybody are taken: nobody can register there.',
    expected: ['sipRegistration scan anonymous 127.0.0.3 udp spoofable'],
    make: async ({ asterisk }) => {
      const { openSipWire } = await import('./sip-wire.ts');
      const wire = await openSipWire({
        transport: 'udp',
        host: '127.0.0.1',
        port: asterisk.sipPort,
        from: '127.0.0.3',
      });
      await ask(wire, { method: 'REGISTER', user: '9001' });
      wire.close();
    },
  },
  {
    name: 'trunk-register',
    says: 'REGISTER by a trunk, known by its address, for an address of record that it has not: an error of its operator.',
    expected: [],
    make: async ({ pjsip }) => {
      const wire = await pjsip('udp', '127.0.0.4');
      await ask(wire, { method: 'REGISTER', user: '9001' });
    },
  },
  {
    name: 'good-register',
    says: 'An honest phone registers.',
    expected: ['success sipRegistration 1001 127.0.0.1 udp'],
    make: async ({ pjsip, asterisk }) => guess(await pjsip(), 'REGISTER', '1001', [asterisk.phones['1001'] ?? '']),
  },
  {
    name: 'good-invite-tls',
    says: 'An honest phone calls, over TLS.',
    needsTls: true,
    expected: ['success sipRegistration 1001 127.0.0.1 tls'],
    make: async ({ pjsip, asterisk }) => guess(await pjsip('tls'), 'INVITE', '1001', [asterisk.phones['1001'] ?? '']),
  },
  {
    name: 'good-register-old-nonce',
    says: 'An honest phone registers with a nonce of long ago, and is asked again.',
    expected: [],
    make: async ({ pjsip, asterisk }) => {
      const wire = await pjsip();
      const [user, method, nonce] = ['1001', 'REGISTER', '1795166448/69d408833226eee7d24ab72b34c94ae4'] as const;
      const password = asterisk.phones[user] ?? '';
      const lines = [authorization(wire, { user, password, method, realm: 'asterisk', nonce })];
      await ask(wire, { method, user, lines });
    },
  },
  {
    name: 'no-password',
    says: 'REGISTER of an account that exists without a password, with which every honest phone begins.',
    expected: [],
    make: async ({ pjsip }) => guess(await pjsip(), 'REGISTER', '1001', []),
  },
];

async function repeat(wire: SipWire, text: string): Promise<void> {
  for (let count = 0; count < 3; count += 1) {
    wire.send(text);
    await sleep(500);
  }
}
