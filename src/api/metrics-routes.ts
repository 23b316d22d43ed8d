/**
 * `/metrics` for Prometheus, without a log-in, for addresses of `metrics.allowFrom`.
 *
 * A request that came by way of a proxy which the configuration does not trust is nobody's: a proxy on this host would
 * otherwise make everybody a neighbour.
 */
import type { FastifyRequest } from 'fastify';
import { createAllowedPeers } from '../asterisk/allowed-peers.ts';
import { formatAddress, readAddress } from '../policy/addresses.ts';
import type { WebRoutes } from './web-server.ts';

const REFUSED = 'this address may not read the metrics; name it in metrics.allowFrom of the configuration\n';

export function metricsRoutes(deps: {
  readonly allowFrom: readonly string[];
  readonly render: () => Promise<{ readonly contentType: string; readonly text: string }>;
}): WebRoutes {
  const isAllowed = createAllowedPeers(deps.allowFrom);
  return (app) => {
    app.get('/metrics', async (request, reply) => {
      if (cameByStranger(request) || !isAllowed(request.ip)) return reply.code(403).type('text/plain').send(REFUSED);
      const { contentType, text } = await deps.render();
      return reply.type(contentType).send(text);
    });
    return Promise.resolve();
  };
}

/** A proxy says so in one of these; where it is trusted, the address of the client is another than its own. */
const cameByStranger = ({ headers, ip, socket }: FastifyRequest): boolean => {
  if (!['forwarded', 'via', 'x-forwarded-for', 'x-real-ip'].some((name) => headers[name] !== undefined)) return false;
  const peer = readAddress(socket.remoteAddress ?? '');
  return peer === undefined || formatAddress(peer) === ip;
};
