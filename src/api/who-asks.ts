/** Who makes a change, for the record: `cli root`. */
import type { FastifyRequest } from 'fastify';

export type WhoAsks = (request: FastifyRequest) => string;

/** Names are the client's word: on the control socket it is an administrator's. */
export const administratorAtSocket: WhoAsks = (request) =>
  `cli ${String(request.headers['x-tollgate-user'] ?? 'unknown').slice(0, 64)}`;

/** Where a request came from: an address, or the control socket. */
export const whereFrom = (request: FastifyRequest): string =>
  request.socket.remoteAddress === undefined ? 'control socket' : request.ip;
