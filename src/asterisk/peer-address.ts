/**
 * The address in what Asterisk says of a peer: `127.0.0.1:15080`, `[2001:db8::1]:5060`, or the address alone, as
 * `CHANNEL(pjsip,remote_addr)` and `CHANNEL(recvip)` give it.
 */
import ipaddr from 'ipaddr.js';

/** The address without port and brackets, or `undefined` for what is none. Never throws. */
export function peerAddress(text: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\](?::\d+)?|([^:]*):\d+)$/.exec(text.trim()) ?? [];
  const address = bracketed ?? plain ?? text.trim();
  return ipaddr.isValid(address) ? address : undefined;
}
