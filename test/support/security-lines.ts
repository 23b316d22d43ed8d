/** Offences and successes as lines that a person can write down beforehand. */
import type { Offence, Success } from '../../src/bans/offence.ts';

/** `sipRegistration wrong-password 1001 203.0.113.9 udp spoofable`; `-` for an account that is not known. */
export const offenceLine = (offence: Offence): string =>
  [
    ...[offence.service, offence.kind, offence.account ?? '-', offence.address, offence.transport],
    offence.isSpoofable ? 'spoofable' : 'proven',
  ].join(' ');

export const successLine = ({ service, account, address, transport }: Success): string =>
  `success ${service} ${account ?? '-'} ${address} ${transport}`;
