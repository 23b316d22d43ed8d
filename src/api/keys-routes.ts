/** `/api/v1/keys`: API keys. One is shown when it is made, and never again. */
import { z } from 'zod';
import { type ApiKeyReport, reportApiKey } from '../people/api-keys.ts';
import type { Audit } from '../people/audit-log.ts';
import type { People } from '../people/people.ts';
import { SCOPES } from '../people/roles.ts';
import { formatNetwork, networksOf, readRange } from '../policy/addresses.ts';
import type { EpochMs } from '../policy/call.ts';
import { pageOf, paging } from './paging.ts';
import { key as keyAnswer } from './people-answers.ts';
import type { ActOf } from './recorded-changes.ts';
import { type Api, instant, list, orNull, text } from './schema.ts';

export interface ListedKey extends ApiKeyReport {
  readonly lastUsedAt: string | null;
}

export interface AddedKey extends ApiKeyReport {
  /** To be kept by who asked. */
  readonly key: string;
}

const TEN_YEARS_SECONDS = 10 * 365 * 86_400;
const network = z.string().superRefine((text, context) => {
  const read = readRange(text);
  if ('problem' in read) context.addIssue({ code: 'custom', message: `"${text}" ${read.problem}` });
});
const addBody = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/, {
    error: 'is no name for a key; write 1 to 64 letters, digits, dots, underscores and dashes',
  }),
  scopes: z.array(z.enum(SCOPES)).min(1, { error: 'is empty; a key without a scope opens nothing' }),
  allowFrom: z.array(network).max(64).default([]),
  /** Left out: for ever. */
  expiresInSeconds: z.int().min(60).max(TEN_YEARS_SECONDS).optional(),
});

export function keyRoutes(
  app: Api,
  deps: { readonly people: Pick<People, 'keys' | 'keysSeen'>; readonly audit: Audit; readonly act: ActOf },
): void {
  const { audit, act } = deps;
  const { keys, keysSeen } = deps.people;

  app.get(
    '/api/v1/keys',
    {
      schema: {
        summary: 'All API keys',
        querystring: z.strictObject(paging),
        response: { 200: list(keyAnswer.extend({ lastUsedAt: orNull(instant) })) },
      },
    },
    async (request, reply): Promise<ListedKey[]> => {
      const all = pageOf(keys.list(), ({ id }) => id, request.query, request, reply);
      const seen = await keysSeen.of(all.map(({ id }) => id)).catch(() => new Map<string, EpochMs>());
      return all.map((each) => {
        const at = seen.get(each.id);
        return { ...reportApiKey(each), lastUsedAt: at === undefined ? null : new Date(at).toISOString() };
      });
    },
  );

  app.post(
    '/api/v1/keys',
    {
      schema: {
        summary: 'Make an API key; it is shown once',
        body: addBody,
        response: { 201: keyAnswer.extend({ key: text }) },
      },
    },
    async (request, reply) => {
      const { name, scopes, allowFrom, expiresInSeconds } = request.body;
      const what = act(request, 'keys.add', `key ${name}`);
      const networks = allowFrom.flatMap((text) => {
        const read = readRange(text);
        return 'range' in read ? networksOf(read.range).map(formatNetwork) : [];
      });
      const wish = {
        name,
        scopes: SCOPES.filter((each) => scopes.includes(each)),
        allowFrom: networks,
        lastsMs: expiresInSeconds === undefined ? null : expiresInSeconds * 1000,
      };
      const { record, key } = await keys.add(wish, what.by);
      await audit({ ...what, after: reportApiKey(record) });
      const added: AddedKey = { ...reportApiKey(record), key };
      return reply.code(201).send(added);
    },
  );

  app.delete(
    '/api/v1/keys/:ref',
    {
      schema: {
        summary: 'Remove an API key, by id or name',
        params: z.strictObject({ ref: z.string().max(100) }),
        response: { 200: keyAnswer },
      },
    },
    async (request): Promise<ApiKeyReport> => {
      const { ref } = request.params;
      const what = act(request, 'keys.remove', `key ${ref}`);
      const removed = await keys.remove(ref, what.by);
      await keysSeen.forget([removed.id]);
      await audit({ ...what, subject: `key ${removed.name}`, before: reportApiKey(removed) });
      return reportApiKey(removed);
    },
  );
}
