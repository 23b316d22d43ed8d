/**
 * Which addresses may connect: a list of CIDRs asked for each accepted connection.
 *
 * Guarantees that an IPv4 client is judged the same whether the socket is IPv4 or dual-stack (`::ffff:127.0.0.1`), and
 * that an address nobody can parse is refused. Knows addresses only; no names are ever looked up.
 */
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Addresses are few (the Asterisk machines), so answers are kept; cleared when full, against an address scan. */
const MAX_REMEMBERED = 1024;

/**
 * A function that tells whether an address, as `socket.remoteAddress` gives it, lies in one of `cidrs`. An entry is a
 * network (`10.0.0.0/8`) or a single address (`::1`). An empty list allows nobody.
 *
 * @throws Error that names the entry, if one is neither.
 */
export function createAllowedPeers(cidrs: readonly string[]): (remoteAddress: string) => boolean {
  const networks = cidrs.map(parseNetwork);
  const remembered = new Map<string, boolean>();
  return (remoteAddress) => {
    const known = remembered.get(remoteAddress);
    if (known !== undefined) return known;
    const allowed = isInside(remoteAddress, networks);
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(remoteAddress, allowed);
    return allowed;
  };
}

function isInside(text: string, networks: ReadonlyArray<readonly [Address, number]>): boolean {
  const withoutZone = text.split('%', 1)[0] ?? '';
  if (!ipaddr.isValid(withoutZone)) return false;
  const address = ipaddr.process(withoutZone);
  return networks.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
}

function parseNetwork(cidr: string): readonly [Address, number] {
  try {
    const [address, bits] = cidr.includes('/') ? ipaddr.parseCIDR(cidr) : wholeAddress(cidr);
    if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96) {
      return [address.toIPv4Address(), bits - 96];
    }
    return [address, bits];
  } catch (cause) {
    throw new Error(`not an address or CIDR network: ${JSON.stringify(cidr)}`, { cause });
  }
}

function wholeAddress(text: string): readonly [Address, number] {
  const address = ipaddr.parse(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}
