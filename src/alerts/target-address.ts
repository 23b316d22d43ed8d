/**
 * Which addresses a webhook may lead to: those of the internet, and of no machine that only we can reach. Pure.
 *
 * Server-side request forgery: an address in a setting must not make the daemon speak to its own host, its neighbours, or
 * the place where a cloud keeps passwords. Whoever means an address of his own network names it in `alerts.allowNetworks`.
 */
import ipaddr from 'ipaddr.js';
import { contains, readRange } from '../policy/addresses.ts';

/** Where Azure answers its machines with their own secrets, which looks like any address of the internet. */
const LOOKS_PUBLIC: ReadonlySet<string> = new Set(['168.63.129.16']);

/** @param allowed networks that are meant although they are not of the internet */
export function mayConnectTo(address: string, allowed: readonly string[]): boolean {
  if (!ipaddr.isValid(address)) return false;
  // An IPv4 address in the clothes of IPv6 is judged as what it is.
  const real = ipaddr.process(address);
  const text = real.toString();
  if (allowed.some((network) => holds(network, text))) return true;
  return real.range() === 'unicast' && !LOOKS_PUBLIC.has(text);
}

function holds(network: string, address: string): boolean {
  const [outer, inner] = [readRange(network), readRange(address)];
  return 'range' in outer && 'range' in inner && contains(outer.range, inner.range);
}
