/**
 * Who makes a request, and from where: for the record (`cli root`, `web anna`, `key backup`), and so that nobody cuts
 * himself off.
 *
 * Each server says of each of its requests who makes it, before a route sees it; a request of which nobody said it has no
 * name, and whoever asks for one is thrown an error. No header but those of the control socket names anybody.
 */
import type { Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import type { Caller } from '../bans/lock-out-guard.ts';
import type { LoggedIn } from '../people/log-in.ts';
import { PERMISSIONS, type Permission } from '../people/roles.ts';
import { readAddress } from '../policy/addresses.ts';
import type { EpochMs } from '../policy/call.ts';

export type WhoAsks = (request: FastifyRequest) => string;

export type Asker =
  /** Whoever may write to the control socket. */
  | { readonly kind: 'administrator' }
  | (LoggedIn & { readonly kind: 'user'; readonly cookie: string; readonly from: string })
  | {
      readonly kind: 'key';
      readonly id: string;
      readonly name: string;
      readonly permissions: ReadonlySet<Permission>;
      readonly from: string;
    }
  /** At a route that needs no log-in. */
  | { readonly kind: 'nobody'; readonly from: string };

const askers = new WeakMap<FastifyRequest, Asker>();

export const setAsker = (request: FastifyRequest, asker: Asker): void => void askers.set(request, asker);

/** @throws {Error} nobody said it, which is a defect */
export function askerOf(request: FastifyRequest): Asker {
  const asker = askers.get(request);
  if (asker === undefined) throw new Error('nobody said who makes this request');
  return asker;
}

/** For the record. Names given on the control socket are the client's word: it is an administrator's. */
export const whoAsks: WhoAsks = (request) => {
  const asker = askerOf(request);
  switch (asker.kind) {
    case 'administrator':
      return `cli ${String(request.headers['x-tollgate-user'] ?? 'unknown').slice(0, 64)}`;
    case 'user':
      return `web ${asker.user.name}`;
    case 'key':
      return `key ${asker.name}`;
    case 'nobody':
      return 'nobody';
    default:
      return asker satisfies never;
  }
};

/** What he may do. */
export function rightsOf(request: FastifyRequest): ReadonlySet<Permission> {
  const asker = askerOf(request);
  if ('permissions' in asker) return asker.permissions;
  return new Set(asker.kind === 'administrator' ? PERMISSIONS : []);
}

/** Where a request came from: an address, or the control socket. */
export function whereFrom(request: FastifyRequest): string {
  const asker = askerOf(request);
  return asker.kind === 'administrator' ? 'control socket' : asker.from;
}

const openedAt = new WeakMap<Socket, EpochMs>();

/** Notes when a connection was opened. */
export const noteOpened = (socket: Socket, at: EpochMs): void => void openedAt.set(socket, at);

const NOBODY: Caller = { address: undefined, connection: undefined, openedAt: undefined };

/**
 * The address of the person who asks. On the control socket that is the client's word, as the name is: the connection by
 * which he is logged in to this host. Elsewhere it is the connection itself; behind a proxy, whose connections say nothing
 * of its clients, his log-in.
 */
export function callerOf(request: FastifyRequest): Caller {
  const asker = askerOf(request);
  if (asker.kind !== 'administrator') {
    const { remoteAddress, remotePort } = request.socket;
    if (remoteAddress !== undefined && readAddress(remoteAddress) !== undefined && isDirect(request, asker.from))
      return {
        address: asker.from,
        connection: `${remoteAddress} ${remotePort}`,
        openedAt: openedAt.get(request.socket),
      };
    const loggedInAt = asker.kind === 'user' ? (asker.session.openedAt as EpochMs) : undefined;
    return { address: asker.from, connection: undefined, openedAt: loggedInAt };
  }
  const connection = String(request.headers['x-tollgate-login'] ?? '').slice(0, 200);
  const [address = ''] = connection.split(' ');
  if (readAddress(address) === undefined) return NOBODY;
  const opened = Number(request.headers['x-tollgate-login-opened'] ?? Number.NaN);
  return { address, connection, openedAt: Number.isFinite(opened) ? (opened as EpochMs) : undefined };
}

const isDirect = ({ socket }: FastifyRequest, from: string): boolean => {
  const [peer, client] = [readAddress(socket.remoteAddress ?? ''), readAddress(from)];
  return peer !== undefined && client !== undefined && peer.value === client.value;
};
