/** Attempts against chan_sip, which 16 has. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Attack, forged, guess, TCP, times, UDP } from './attack.ts';
import { ask, authorization, challengeOf, newCallId, sipRequest } from './sip-wire.ts';

const PROVEN = '127.0.0.1 udp proven';

export const CHAN_SIP_ATTACKS: readonly Attack[] = (
  [
    {
      name: 'chan-sip-register-wrong-password',
      says: 'REGISTER with a wrong password. The nonce came back from where it was sent to.',
      expected: [`sipRegistration wrong-password 2001 ${PROVEN}`],
      make: async ({ chanSip }) => guess(await chanSip(), 'REGISTER', '2001', ['bad']),
    },
    {
      name: 'chan-sip-register-wrong-password-tcp',
      says: 'The same over TCP.',
      expected: [`sipRegistration wrong-password 2001 ${TCP}`],
      make: async ({ chanSip }) => guess(await chanSip('tcp'), 'REGISTER', '2001', ['bad']),
    },
    {
      name: 'chan-sip-invite-wrong-password',
      says: 'INVITE with a wrong password. Only the challenge names the caller; later the account is the dialled number.',
      expected: [`sipCall wrong-password 2001 ${PROVEN}`],
      make: async ({ chanSip }) => guess(await chanSip(), 'INVITE', '2001', ['bad']),
    },
    {
      name: 'chan-sip-unknown-account',
      says: 'REGISTER of an account that does not exist: chan_sip pretends that it does.',
      expected: [`sipRegistration wrong-password 9001 ${PROVEN}`],
      make: async ({ chanSip }) => guess(await chanSip(), 'REGISTER', '9001', ['bad']),
    },
    {
      name: 'chan-sip-unknown-account-invite',
      says: 'INVITE by an account that does not exist.',
      expected: [`sipCall wrong-password 9001 ${PROVEN}`],
      make: async ({ chanSip }) => guess(await chanSip(), 'INVITE', '9001', ['bad']),
    },
    {
      name: 'chan-sip-probes',
      says: 'REGISTER without a password and OPTIONS, of an account that does not exist: nothing that an honest phone does not raise.',
      expected: [],
      make: async ({ chanSip }) => {
        const wire = await chanSip();
        await ask(wire, { method: 'REGISTER', user: '9001' });
        await ask(wire, { method: 'OPTIONS', user: '9001' });
      },
    },
    {
      name: 'chan-sip-five-guesses-one-call-id',
      says: 'Five passwords on one Call-ID.',
      expected: times(5, `sipRegistration wrong-password 2001 ${PROVEN}`),
      make: async ({ chanSip }) => guess(await chanSip(), 'REGISTER', '2001', ['a', 'b', 'c', 'd', 'e']),
    },
    {
      name: 'chan-sip-nonce-of-another-address',
      says: 'The nonce was sent to 127.0.0.1 and comes back in a datagram of 127.0.0.2: whoever asked may have forged it.',
      expected: ['sipRegistration wrong-password - 127.0.0.2 udp spoofable'],
      make: async ({ chanSip }) => {
        const [here, there] = [await chanSip(), await chanSip('udp', '127.0.0.2')];
        const [user, method, callId] = ['2001', 'REGISTER', newCallId()] as const;
        const challenge = challengeOf(await ask(here, { method, user, callId }));
        const lines = [authorization(there, { user, password: 'bad', method, ...challenge })];
        there.send(sipRequest(there, { method, user, callId, sequence: 2, lines }));
        await sleep(200);
      },
    },
    {
      name: 'chan-sip-forged-datagram',
      says: 'One datagram with an invented nonce: only a challenge.',
      expected: [],
      make: async ({ chanSip }) => {
        const wire = await chanSip();
        await ask(wire, forged(wire, '2001'));
      },
    },
    {
      name: 'chan-sip-barred',
      says: 'REGISTER by an account that may not be used from there, without and then with a password.',
      expected: [`sipRegistration acl - ${UDP}`],
      make: async ({ chanSip }) => guess(await chanSip(), 'REGISTER', '2009', ['two']),
    },
    {
      name: 'chan-sip-wrong-transport',
      says: 'REGISTER over UDP by an account that may use TCP alone.',
      expected: [`sipRegistration acl 2002 ${UDP}`],
      make: async ({ chanSip }) => guess(await chanSip(), 'REGISTER', '2002', ['two']),
    },
    {
      name: 'chan-sip-other-port-in-via-tcp',
      says: 'A wrong password over TCP with another address in Via: chan_sip takes the port from there, not the address.',
      expected: [`sipRegistration wrong-password 2001 ${TCP}`],
      make: async ({ chanSip }) => guess(await chanSip('tcp'), 'REGISTER', '2001', ['bad'], { via: '192.0.2.1:5060' }),
    },
    {
      name: 'chan-sip-good-register',
      says: 'An honest phone registers.',
      expected: ['success sipRegistration 2001 127.0.0.1 udp'],
      make: async ({ chanSip }) => guess(await chanSip(), 'REGISTER', '2001', ['two']),
    },
    {
      name: 'chan-sip-good-invite',
      says: 'An honest phone registers and calls.',
      expected: ['success sipRegistration 2001 127.0.0.1 udp', 'success sipCall 2001 127.0.0.1 udp'],
      make: async ({ chanSip }) => {
        const wire = await chanSip();
        await guess(wire, 'REGISTER', '2001', ['two']);
        await guess(wire, 'INVITE', '2001', ['two']);
      },
    },
  ] satisfies readonly Attack[]
).map((attack) => ({ ...attack, on: 16 }));
