/** Who makes a change, for the record: `cli root`; and from where, so that he does not cut himself off. */
import type { FastifyRequest } from 'fastify';
import type { Caller } from '../bans/lock-out-guard.ts';
import { readAddress } from '../policy/addresses.ts';
import type { EpochMs } from '../policy/call.ts';

export type WhoAsks = (request: FastifyRequest) => string;

/** Names are the client's word: on the control socket it is an administrator's. */
export const administratorAtSocket: WhoAsks = (request) =>
  `cli ${String(request.headers['x-tollgate-user'] ?? 'unknown').slice(0, 64)}`;

/** Where a request came from: an address, or the control socket. */
export const whereFrom = (request: FastifyRequest): string =>
  request.socket.remoteAddress === undefined ? 'control socket' : request.ip;

const NOBODY: Caller = { address: undefined, connection: undefined, openedAt: undefined };

/**
 * The address of the person who asks. On the control socket that is the client's word, as the name is: the connection by
 * which he is logged in to this host. Elsewhere it is the connection itself.
 */
export function callerOf(request: FastifyRequest): Caller {
  const { remoteAddress, remotePort } = request.socket;
  if (remoteAddress !== undefined)
    return { address: request.ip, connection: `${remoteAddress} ${remotePort}`, openedAt: undefined };
  const connection = String(request.headers['x-tollgate-login'] ?? '').slice(0, 200);
  const [address = ''] = connection.split(' ');
  if (readAddress(address) === undefined) return NOBODY;
  const openedAt = Number(request.headers['x-tollgate-login-opened'] ?? Number.NaN);
  return { address, connection, openedAt: Number.isFinite(openedAt) ? (openedAt as EpochMs) : undefined };
}
