/**
 * Which addresses one Asterisk talks to by right: its phones that are registered, and its trunks. Asked over AMI.
 *
 * Seen on Asterisk 16 and 22: `PJSIPShowContacts` has registered contacts only; those that are configured stand in
 * `Contacts` of `PJSIPShowEndpoints`. An endpoint without `Auths` is let in by its address, so it is a trunk, and its
 * addresses and networks are in `Match` of the `IdentifyDetail` that `PJSIPShowEndpoint` gives. The URI of a contact has
 * the address that packets come from where `rewrite_contact` is on; where it is off behind NAT, the phone is known by its
 * log-ins alone. chan_sip (16) has `SIPpeers`.
 */
import { lookup } from 'node:dns/promises';
import type { AmiConnection } from '../asterisk/ami-connection.ts';
import type { AmiMessage } from '../asterisk/ami-packet.ts';
import { TIMED_OUT, within } from '../deadline.ts';
import { TollgateError } from '../errors.ts';
import { formatRange, readRange } from '../policy/addresses.ts';

export interface AsteriskPeers {
  /** Canonical addresses. */
  readonly phones: readonly string[];
  /** Canonical addresses and networks. */
  readonly trunks: readonly string[];
}

/** Each costs a question of its own. */
const MOST_TRUNKS_ASKED = 200;
const MOST_NAMES = 50;
const LOOKUP_WITHIN_MS = 1000;

/** @throws {TollgateError} `AMI_UNAVAILABLE` */
export async function readPeers(ami: Pick<AmiConnection, 'list'>): Promise<AsteriskPeers> {
  const endpoints = await listIfAny(ami, 'PJSIPShowEndpoints');
  const byAddress = endpoints.filter((endpoint) => endpoint.get('Auths') === '');
  const phones = endpoints
    .filter((endpoint) => endpoint.get('Auths') !== '')
    .flatMap((each) => hostsIn(each, 'Contacts'));
  const trunks = byAddress.flatMap((each) => hostsIn(each, 'Contacts'));
  for (const endpoint of byAddress.slice(0, MOST_TRUNKS_ASKED)) {
    const details = await listIfAny(ami, 'PJSIPShowEndpoint', { Endpoint: endpoint.get('ObjectName') });
    trunks.push(
      ...details.flatMap((detail) => (detail.name === 'IdentifyDetail' ? detail.get('Match').split(',') : [])),
    );
  }
  for (const registration of await listIfAny(ami, 'PJSIPShowRegistrationsOutbound')) {
    trunks.push(...hostsIn(registration, 'ServerUri'), ...hostsIn(registration, 'OutboundProxy'));
  }
  for (const peer of await listIfAny(ami, 'SIPpeers')) {
    (peer.get('Dynamic') === 'yes' ? phones : trunks).push(peer.get('IPaddress'));
  }
  const [phoneAddresses, trunkAddresses] = await Promise.all([inNumbers(phones), inNumbers(trunks)]);
  return { phones: phoneAddresses, trunks: trunkAddresses };
}

/** The hosts of all SIP URIs in a field (RFC 3261, section 19.1). */
export const hostsIn = (message: Pick<AmiMessage, 'get'>, field: string): string[] =>
  [...message.get(field).matchAll(/sips?:(?:[^@\s,;]*@)?(?:\[([^\]]+)\]|([^:;,\s?>/]+))/gi)].map(
    ([, bracketed, plain]) => bracketed ?? plain ?? '',
  );

/** An Asterisk without any refuses instead of giving an empty list, and one without the module does not know the action. */
export async function listIfAny(
  ami: Pick<AmiConnection, 'list'>,
  action: string,
  fields: Readonly<Record<string, string>> = {},
): Promise<readonly AmiMessage[]> {
  try {
    return await ami.list(action, fields);
  } catch (error) {
    if (error instanceof TollgateError && error.code === 'AMI_REFUSED') return [];
    throw error;
  }
}

async function inNumbers(texts: readonly string[]): Promise<readonly string[]> {
  const found = new Set<string>();
  const names = new Set<string>();
  for (const text of texts) {
    const read = readRange(text);
    if ('range' in read) found.add(formatRange(read.range));
    else if (/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i.test(text) && names.size < MOST_NAMES) names.add(text);
  }
  await Promise.all(
    [...names].map(async (name) => {
      const looked = await within(
        lookup(name, { all: true }).catch(() => []),
        LOOKUP_WITHIN_MS,
      );
      if (looked === TIMED_OUT) return;
      for (const { address } of looked) {
        const read = readRange(address);
        if ('range' in read) found.add(formatRange(read.range));
      }
    }),
  );
  return [...found];
}
