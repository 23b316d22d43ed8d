/**
 * An attempt against an Asterisk, honest or not, with what it must be taken for; and what several of them have in common.
 */
import type { AsteriskVersion } from '../../src/demo/asterisk.ts';
import type { Target } from './attacked-asterisk.ts';
import { ask, authorization, challengeOf, newCallId, type SipRequest, type SipWire } from './sip-wire.ts';

export interface Attack {
  /** Of its file. */
  readonly name: string;
  /** A sentence for who reads the file. */
  readonly says: string;
  /** Offences and successes in order, as {@link lineOf} writes them. */
  readonly expected: readonly string[];
  /** Default: 16 and 22. */
  readonly on?: AsteriskVersion;
  readonly needsTls?: boolean;
  readonly make: (target: Target) => Promise<void>;
}

/** Where an attempt came from, as far as that is known. */
export const TCP = '127.0.0.1 tcp proven';
export const UDP = '127.0.0.1 udp spoofable';

export const times = (count: number, line: string): readonly string[] => Array.from({ length: count }, () => line);

type Method = 'REGISTER' | 'INVITE' | 'OPTIONS';

/** Asks without a password, and once more for each password. */
export async function guess(
  wire: SipWire,
  method: Method,
  user: string,
  passwords: readonly string[],
  more: { readonly via?: string; readonly before?: readonly string[] } = {},
): Promise<void> {
  const callId = newCallId();
  const { before = [], ...to } = more;
  let sequence = 0;
  const send = (lines: readonly string[] = []): Promise<string | undefined> => {
    sequence += 1;
    return ask(wire, { method, user, callId, sequence, lines, ...to });
  };
  let challenge = challengeOf(await send());
  for (const password of passwords) {
    // chan_sip refuses without a new challenge, and wants to be asked for one.
    if (challenge.nonce === '') challenge = challengeOf(await send());
    const proof = authorization(wire, { user, password, method, ...challenge });
    challenge = challengeOf(await send([...before, proof]));
  }
}

/** With an invented nonce. */
export const forged = (wire: SipWire, user: string): SipRequest => ({
  method: 'REGISTER',
  user,
  lines: [authorization(wire, { user, password: 'bad', method: 'REGISTER', realm: 'asterisk', nonce: 'invented' })],
});
