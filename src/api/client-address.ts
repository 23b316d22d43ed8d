/**
 * Whose request it is: the address of the peer, or, behind reverse proxies that the configuration names, what they say.
 *
 * `X-Forwarded-For` is read from its end, which the nearest proxy wrote, and only as far as every address that was passed
 * is a proxy that is trusted. So what a client writes into it himself is never believed. Pure.
 */
import { peerAddress } from '../asterisk/peer-address.ts';
import {
  type Address,
  type AddressRange,
  contains,
  formatAddress,
  readAddress,
  readRange,
} from '../policy/addresses.ts';

/** @param forwardedFor the header, several of them joined by commas */
export type ClientAddress = (peer: string | undefined, forwardedFor: string | undefined) => string;

/** A peer that has gone already has no address. */
const UNKNOWN = 'unknown';

/** @param trustedProxies addresses and networks; others are ignored, the configuration has checked them */
export function createClientAddress(trustedProxies: readonly string[]): ClientAddress {
  const trusted: readonly AddressRange[] = trustedProxies.flatMap((text) => {
    const read = readRange(text);
    return 'range' in read ? [read.range] : [];
  });
  const isTrusted = ({ family, value }: Address): boolean =>
    trusted.some((range) => contains(range, { family, first: value, last: value }));

  return (peer, forwardedFor) => {
    let client = readAddress(peer ?? '');
    if (client === undefined) return UNKNOWN;
    // What cannot be read ends the chain: the proxy that passed it on is the last that is known.
    const hops = (forwardedFor ?? '').split(',');
    while (isTrusted(client)) {
      const next = readAddress(peerAddress(hops.pop() ?? '') ?? '');
      if (next === undefined) break;
      client = next;
    }
    return formatAddress(client);
  };
}
