/**
 * `/api/v1/groups`, `/extensions`, `/trunks`, `/schedules`, `/destinations`: the named things that rules refer to. They
 * differ in their fields only.
 */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { TollgateError } from '../errors.ts';
import type { RuleDocument } from '../policy/document.ts';
import { didYouMean } from '../policy/problem.ts';
import { notFound, ProblemError, parse } from './problem.ts';
import type { Act, ActOf, RecordedPolicies } from './recorded-changes.ts';

const KINDS = {
  groups: 'group',
  extensions: 'extension',
  trunks: 'trunk',
  schedules: 'schedule',
  destinations: 'destination list',
} as const;
type Kind = keyof typeof KINDS;

interface ById {
  Params: { readonly id: string };
}

const fields = z.record(z.string(), z.unknown());

export function memberRoutes(
  app: FastifyInstance,
  deps: { readonly policies: RecordedPolicies; readonly act: ActOf },
): void {
  for (const kind of Object.keys(KINDS) as Kind[]) routesOf(app, kind, deps);
}

function routesOf(
  app: FastifyInstance,
  kind: Kind,
  deps: { readonly policies: RecordedPolicies; readonly act: ActOf },
): void {
  const { policies, act } = deps;
  const all = (): Readonly<Record<string, object>> => policies.current().policy.document[kind];
  const find = (id: string): { readonly id: string } => {
    const found = Object.hasOwn(all(), id) ? all()[id] : undefined;
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

  app.get(`/api/v1/${kind}`, async () => Object.entries(all()).map(([id, entry]) => ({ id, ...entry })));
  app.get<ById>(`/api/v1/${kind}/:id`, async (request) => find(request.params.id));
  app.put<ById>(`/api/v1/${kind}/:id`, async (request) => {
    const { id } = request.params;
    const { id: _, ...entry } = parse(fields, request.body);
    // defineProperty and not assignment, so that an id such as __proto__ is an entry like any other and then refused as an id.
    await change(id, act(request, `${kind}.set`, `${KINDS[kind]} ${id}`), (entries) => {
      const copy = { ...entries };
      Object.defineProperty(copy, id, { value: entry, enumerable: true, configurable: true, writable: true });
      return copy;
    });
    return find(id);
  });
  app.delete<ById>(`/api/v1/${kind}/:id`, async (request) => {
    const { id } = request.params;
    const entry = find(id);
    const users = policies.current().policy.document.rules.filter((rule) => refersTo(rule, kind, id));
    if (users.length > 0) {
      const names = users.map((rule) => rule.id).join(', ');
      throw new TollgateError(
        'CONFLICT',
        `${KINDS[kind]} "${id}" is used by rule ${names}; take it out of there first`,
      );
    }
    await change(id, act(request, `${kind}.remove`, `${KINDS[kind]} ${id}`), (entries) =>
      Object.fromEntries(Object.entries(entries).filter(([key]) => key !== id)),
    );
    return entry;
  });
}

function refersTo(rule: RuleDocument, kind: Kind, id: string): boolean {
  if (kind === 'schedules') return rule.during === id || rule.not === id;
  return rule.appliesTo !== 'all' && kind !== 'extensions' && (rule.appliesTo[kind]?.includes(id) ?? false);
}
