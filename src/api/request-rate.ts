/**
 * How many requests an address, a user and a key may send: a bucket for each, on this daemon. Bounded: where too many are
 * known, the one that asked longest ago is forgotten.
 *
 * Addresses of this machine are not limited, for behind a proxy that nobody named everybody has them; who is logged in is.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Clock } from '../clock.ts';
import { TollgateError } from '../errors.ts';
import { formatNetwork, networkAround, readAddress } from '../policy/addresses.ts';
import { askerOf, whoAsks } from './who-asks.ts';

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** A page that is open asks some times a minute, and some dozen times at once when it is opened. */
const OF_ONE: Rate = { perSecond: 25, burst: 1000 };
/** An office has one address. */
const OF_AN_ADDRESS: Rate = { perSecond: 50, burst: 2000 };
const MOST_KNOWN = 10_000;

/** @returns takes one; the whole seconds until there is another, or undefined where there was one */
export function createRequestRate(
  { perSecond, burst }: Rate,
  clock: Pick<Clock, 'monotonicMs'>,
): (name: string) => number | undefined {
  const known = new Map<string, { readonly left: number; readonly atMs: number }>();
  return (name) => {
    const atMs = clock.monotonicMs();
    const before = known.get(name);
    const left =
      before === undefined ? burst : Math.min(burst, before.left + ((atMs - before.atMs) / 1000) * perSecond);
    known.delete(name);
    const [oldest] = known.keys();
    if (known.size >= MOST_KNOWN && oldest !== undefined) known.delete(oldest);
    known.set(name, { left: left < 1 ? left : left - 1, atMs });
    return left < 1 ? Math.max(1, Math.ceil((1 - left) / perSecond)) : undefined;
  };
}

/** @returns two hooks' worth: before anybody is asked who he is, and after */
export function limitRequests(
  app: FastifyInstance,
  clock: Pick<Clock, 'monotonicMs'>,
): { readonly afterLogIn: () => void } {
  const ofAddress = createRequestRate(OF_AN_ADDRESS, clock);
  const ofOne = createRequestRate(OF_ONE, clock);
  app.addHook('onRequest', (request, reply, done) => {
    const name = networkOf(request.ip);
    const wait = name === undefined ? undefined : ofAddress(name);
    done(wait === undefined ? undefined : tooMany(reply, wait));
  });
  return {
    afterLogIn: () => {
      app.addHook('onRequest', (request, reply, done) => {
        const wait = askerOf(request).kind === 'nobody' ? undefined : ofOne(whoAsks(request));
        done(wait === undefined ? undefined : tooMany(reply, wait));
      });
    },
  };
}

function tooMany(reply: FastifyReply, seconds: number): TollgateError {
  reply.header('retry-after', seconds);
  return new TollgateError(
    'TOO_MANY',
    `too many requests; go on in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}`,
  );
}

/** IPv6 by networks of 64 bits, which one machine has all to itself; undefined: this machine. */
function networkOf(text: string): string | undefined {
  const address = readAddress(text);
  if (address === undefined) return text;
  if (address.family === 4) return address.value >> 24n === 127n ? undefined : text;
  return address.value === 1n ? undefined : formatNetwork(networkAround(address, 64));
}
