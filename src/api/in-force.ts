/**
 * On how many daemons a change is in force: the header `tollgate-in-force: 2 of 2` of what changed the policy, the
 * allowlist or the settings. An answer waits for the others at most a second.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { DocumentVersions, Nodes } from '../store/nodes.ts';

export const IN_FORCE_HEADER = 'tollgate-in-force';

/** @param app routes are registered on it afterwards */
export function tellInForce(app: FastifyInstance, nodes: Pick<Nodes, 'inForce' | 'versions'>): void {
  const before = new WeakMap<FastifyRequest, DocumentVersions>();
  app.addHook('preHandler', (request, _reply, done) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') before.set(request, nodes.versions());
    done();
  });
  app.addHook('onSend', async (request, reply) => {
    const was = before.get(request);
    if (was === undefined || reply.statusCode >= 300) return;
    const now = nodes.versions();
    if (Object.entries(now).every(([name, version]) => was[name] === version)) return;
    // The change is made; that nobody can be asked is no reason to say that it was not.
    const found = await nodes.inForce(now).catch(() => undefined);
    if (found !== undefined) reply.header(IN_FORCE_HEADER, `${found.nodes} of ${found.of}`);
  });
}
