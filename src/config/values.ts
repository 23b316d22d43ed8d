/**
 * The small languages inside configuration values: addresses to listen on, networks, durations, names.
 *
 * Pure. Each is a zod schema that takes the text as written and gives the parsed value, or says in one sentence what was
 * expected. The sentence never repeats the value: the caller adds it, unless it is a secret.
 */
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { formatRange, readRange } from '../policy/addresses.ts';
import { durationText, parseDuration } from '../policy/duration.ts';

/** A host and a TCP port. An IPv6 address stands here without brackets. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `HOST:PORT`, an IPv6 address in brackets. `undefined` if it is neither. */
export function parseHostPort(text: string, defaultPort?: number): HostPort | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/@]+))(?::([0-9]{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const [, inBrackets, plain, digits] = match;
  if (inBrackets !== undefined && !ipaddr.IPv6.isValid(inBrackets)) return undefined;
  const host = inBrackets ?? plain;
  const port = digits === undefined ? defaultPort : Number(digits);
  if (host === undefined || port === undefined || port > 65535) return undefined;
  // Digits and dots alone are an IPv4 address or nothing: `127.0.1` must not be looked up as a name.
  if (/^[0-9.]+$/.test(host) && !ipaddr.IPv4.isValidFourPartDecimal(host)) return undefined;
  return { host, port };
}

/** The text that `parseHostPort` reads. */
export function hostPortText({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Ranges and subnet masks are for lists of addresses; a setting has one way to write a network. */
const NETWORK = /^[0-9a-fA-F:.]+(?:\/[0-9]{1,3})?$/;

/** An address or a network of IPv4 or IPv6, in its usual spelling; a network without bits set beyond its prefix. */
function parseNetwork(text: string): string | undefined {
  const read = NETWORK.test(text) ? readRange(text) : undefined;
  return read === undefined || 'problem' in read ? undefined : formatRange(read.range);
}

function parsed<Value>(parse: (text: string) => Value | undefined, expected: string) {
  return z.string().transform((text, context) => {
    const value = parse(text.trim());
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: `expected ${expected}`, input: text });
    return z.NEVER;
  });
}

/** A name that becomes part of a Redis key: no braces, which would change the hash tag. */
export const keyName = parsed(
  (text) => (/^[A-Za-z0-9_.-]{1,64}$/.test(text) ? text : undefined),
  '1 to 64 letters, digits, "_", "." or "-"',
);

/** Any text that is not blank. */
export const filled = parsed((text) => (text === '' ? undefined : text), 'some text');

export const listenAddress = parsed(
  (text) => parseHostPort(text),
  'HOST:PORT with a port from 0 to 65535, an IPv6 address in brackets like "[::1]:4573"',
);

/** `HOST` or `HOST:PORT`. */
export const hostWithPort = (defaultPort: number) =>
  parsed((text) => parseHostPort(text, defaultPort), `HOST or HOST:PORT (port ${defaultPort} if absent)`);

export const network = parsed(
  parseNetwork,
  'an IP address or a network like "10.0.0.0/8", with no bits set beyond its prefix',
);

export const duration = (minimumMs: number, maximumMs: number) =>
  parsed(
    (text) => {
      const ms = parseDuration(text);
      return ms !== undefined && ms >= minimumMs && ms <= maximumMs ? ms : undefined;
    },
    `a duration like "250ms", "2s", "5m", "1h" or "7d", from ${durationText(minimumMs)} to ${durationText(maximumMs)}`,
  );

/** An address on the web without log-in, query and fragment, and without a slash at its end. */
export const webAddress = parsed((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined;
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return undefined;
  return url.href.replace(/\/+$/, '');
}, 'an address that begins with http:// or https:// and has no log-in, query or fragment');

/** Where one Redis is: `redis://`, `rediss://`, `unix:///…` or the absolute path of a socket. */
export const redisAddress = parsed((text) => {
  if (text.startsWith('/')) return text;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) return undefined;
  if (url.protocol === 'unix:' && url.host === '' && url.pathname.length > 1) return decodeURIComponent(url.pathname);
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') return undefined;
  return url.hostname !== '' && /^(\/([0-9]{1,4})?)?$/.test(url.pathname) && url.search === '' ? text : undefined;
}, 'redis://HOST:PORT/DATABASE, rediss:// for TLS, or the path of a socket');
