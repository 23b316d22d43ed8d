/** `GET /api/v1/asterisk/endpoints`: extensions and trunks that each Asterisk has, to choose from. */
import { z } from 'zod';
import type { Defence } from '../bans/defence.ts';
import type { PolicyStore } from '../store/policy-store.ts';
import { type Api, list, orNull, text } from './schema.ts';

const endpoint = z.strictObject({
  name: text,
  kind: z.enum(['extension', 'trunk']),
  technology: z.enum(['PJSIP', 'SIP']),
  hosts: list(text),
  state: text,
  asterisk: text,
  /** As the policy has it; null where it has no such entry. */
  knownAs: orNull(text),
  /** Groups of the policy that an extension is a member of. */
  groups: list(text),
});

export function asteriskRoutes(
  app: Api,
  deps: { readonly endpoints: Defence['endpoints']; readonly policies: Pick<PolicyStore, 'current'> },
): void {
  app.get(
    '/api/v1/asterisk/endpoints',
    {
      schema: {
        summary: 'Extensions and trunks of every Asterisk, to choose from',
        response: {
          200: z.strictObject({
            endpoints: list(endpoint),
            /** Asterisks that could not be asked. */
            problems: list(z.strictObject({ asterisk: text, problem: text })),
          }),
        },
      },
    },
    async () => {
      const { endpoints, problems } = await deps.endpoints();
      const { policy } = deps.policies.current();
      const { extensions, trunks } = policy.document;
      const shown = endpoints.map((each) => {
        const entries = each.kind === 'extension' ? extensions : trunks;
        const entry = Object.hasOwn(entries, each.name) ? entries[each.name] : undefined;
        const groups = each.kind === 'extension' ? policy.groupsOf(each.name) : [];
        return { ...each, knownAs: entry === undefined ? null : (entry.name ?? each.name), groups };
      });
      const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
        a.name.localeCompare(b.name, 'en', { numeric: true });
      return { endpoints: shown.sort(byName), problems };
    },
  );
}
