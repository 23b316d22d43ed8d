/** `GET /api/v1/nodes`: the daemons that share this store, and what each of them has in force. */
import { z } from 'zod';
import type { Nodes } from '../store/nodes.ts';
import { type Api, instant, list, orNull, text } from './schema.ts';

const node = z.strictObject({
  node: text,
  version: text,
  /** The one that answers. */
  isThis: z.boolean(),
  isAlive: z.boolean(),
  startedAt: orNull(instant),
  heardAt: instant,
  /** Versions of the common documents that it has in force. */
  documents: z.record(z.string(), z.number()),
  /** All of them are the newest that any of the living has. */
  isCurrent: z.boolean(),
});
export type ListedNode = z.output<typeof node>;

export function nodeRoutes(app: Api, deps: { readonly nodes: Pick<Nodes, 'list'> }): void {
  const iso = (at: number): string => new Date(at).toISOString();
  app.get(
    '/api/v1/nodes',
    { schema: { summary: 'The daemons that share this store', response: { 200: list(node) } } },
    async () => {
      const nodes = await deps.nodes.list();
      const alive = nodes.filter(({ isAlive }) => isAlive);
      return nodes.map(({ heardAt, startedAt, documents, ...rest }) => ({
        ...rest,
        documents,
        startedAt: startedAt === undefined ? null : iso(startedAt),
        heardAt: iso(heardAt),
        isCurrent: alive.every((other) =>
          Object.entries(other.documents).every(([name, version]) => (documents[name] ?? 0) >= version),
        ),
      }));
    },
  );
}
