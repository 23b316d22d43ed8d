/**
 * `/api/v1/groups`, `/extensions`, `/trunks`, `/schedules`, `/destinations`: the named things that rules refer to. They
 * differ in their fields only.
 */
import { z } from 'zod';
import { TollgateError } from '../errors.ts';
import type { PolicyDocument, RuleDocument } from '../policy/document.ts';
import { emergencyTouched } from '../policy/emergency-touched.ts';
import { didYouMean } from '../policy/problem.ts';
import { requireMatch, tagged } from './etag.ts';
import { pageOf, paging } from './paging.ts';
import { member, memberBody } from './policy-answers.ts';
import { notFound, ProblemError } from './problem.ts';
import type { Act, ActOf, RecordedPolicies } from './recorded-changes.ts';
import { type Api, byId, list } from './schema.ts';

const KINDS = {
  groups: 'group',
  extensions: 'extension',
  trunks: 'trunk',
  schedules: 'schedule',
  destinations: 'destination list',
} as const;
type Kind = keyof typeof KINDS;

export function memberRoutes(app: Api, deps: { readonly policies: RecordedPolicies; readonly act: ActOf }): void {
  for (const kind of Object.keys(KINDS) as Kind[]) routesOf(app, kind, deps);
}

function routesOf(app: Api, kind: Kind, deps: { readonly policies: RecordedPolicies; readonly act: ActOf }): void {
  const { policies, act } = deps;
  const all = (): Readonly<Record<string, object>> => policies.current().policy.document[kind];
  const find = (id: string, among = all()): { readonly id: string } => {
    const found = Object.hasOwn(among, id) ? among[id] : undefined;
    if (found === undefined) throw notFound(KINDS[kind], id, didYouMean(id, Object.keys(all())));
    return { id, ...found };
  };
  const change = async (
    id: string,
    what: Act,
    edit: (entries: Readonly<Record<string, object>>) => object,
  ): Promise<void> => {
    const result = await policies.change((document) => ({ ...document, [kind]: edit(document[kind]) }), what);
    if (result.changed) return;
    const prefixes = [
      `${kind}.${id}.`,
      `${kind}.${JSON.stringify(id)}.`,
      `${kind}.${id}`,
      `${kind}.${JSON.stringify(id)}`,
    ];
    const problems = result.problems.map((problem) => {
      const prefix = prefixes.find((each) => problem.path.startsWith(each));
      return prefix === undefined ? problem : { ...problem, path: problem.path.slice(prefix.length) };
    });
    throw new ProblemError('POLICY_INVALID', problems);
  };

  const what = KINDS[kind];
  app.get(
    `/api/v1/${kind}`,
    { schema: { summary: `All ${kind}`, querystring: z.strictObject(paging), response: { 200: list(member) } } },
    (request, reply) => {
      const entries = Object.entries(all()).map(([id, entry]) => ({ id, ...entry }));
      return pageOf(entries, ({ id }) => id, request.query, request, reply);
    },
  );
  app.get(
    `/api/v1/${kind}/:id`,
    { schema: { summary: `One ${what}`, params: byId, response: { 200: member } } },
    ({ params }, reply) => tagged(reply, find(params.id)),
  );
  app.put(
    `/api/v1/${kind}/:id`,
    {
      schema: {
        summary: `Add or replace one ${what}`,
        params: byId,
        body: memberBody(kind),
        response: { 200: member },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { id: _, ...entry } = request.body;
      // defineProperty and not assignment, so that an id such as __proto__ is an entry like any other and then refused as an id.
      await change(id, act(request, `${kind}.set`, `${what} ${id}`), (entries) => {
        if (Object.hasOwn(entries, id)) requireMatch(request, find(id, entries), `${what} ${id}`);
        if (kind === 'destinations') requireNoEmergency(id, entry, policies.current().policy.document);
        const copy = { ...entries };
        Object.defineProperty(copy, id, { value: entry, enumerable: true, configurable: true, writable: true });
        return copy;
      });
      return tagged(reply, find(id));
    },
  );
  app.delete(
    `/api/v1/${kind}/:id`,
    { schema: { summary: `Remove one ${what}`, params: byId, response: { 200: member } } },
    async (request) => {
      const { id } = request.params;
      const entry = find(id);
      const users = policies.current().policy.document.rules.filter((rule) => refersTo(rule, kind, id));
      if (users.length > 0) {
        const names = users.map((rule) => rule.id).join(', ');
        throw new TollgateError('CONFLICT', `${what} "${id}" is used by rule ${names}; take it out of there first`);
      }
      await change(id, act(request, `${kind}.remove`, `${what} ${id}`), (entries) => {
        if (Object.hasOwn(entries, id)) requireMatch(request, find(id, entries), `${what} ${id}`);
        return Object.fromEntries(Object.entries(entries).filter(([key]) => key !== id));
      });
      return entry;
    },
  );
}

/** @throws {ProblemError} where a rule names the list, and the list begins an emergency number */
function requireNoEmergency(id: string, entry: object, { emergencyNumbers, rules }: PolicyDocument): void {
  const prefixes = 'prefixes' in entry && Array.isArray(entry.prefixes) ? entry.prefixes.map(String) : [];
  const touched = emergencyTouched(
    { appliesTo: { destinations: [id] } },
    { emergencyNumbers, destinations: { [id]: { prefixes } } },
  );
  const users = rules.filter((rule) => refersTo(rule, 'destinations', id)).map((rule) => rule.id);
  if (touched.length === 0 || users.length === 0) return;
  const message = `begin ${touched.join(', ')}, which rule ${users.join(', ')} would limit; emergency numbers are never limited`;
  throw new ProblemError('POLICY_INVALID', [{ path: 'prefixes', message }]);
}

function refersTo(rule: RuleDocument, kind: Kind, id: string): boolean {
  if (kind === 'schedules') return rule.during === id || rule.not === id;
  return rule.appliesTo !== 'all' && kind !== 'extensions' && (rule.appliesTo[kind]?.includes(id) ?? false);
}
