/**
 * `/api/v1/settings`: what is counted as an attack, packet limits, countries. `PATCH` merges (RFC 7396; `null` gives a
 * setting its default), `PUT` replaces the whole, `DELETE` gives one setting, a section, or everything its defaults. Who
 * would cut himself off from page and API by `adminAccess` is refused, unless he says `force=true`. With
 * `confirmWithinSeconds` what may cut somebody off is tried, see policy/settings-trial.ts.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { TollgateError } from '../errors.ts';
import { CONFIRM_WITHIN_MS } from '../policy/firewall-plan.ts';
import { type Settings, settingsSchema } from '../policy/settings.ts';
import { mergePatch, patchOf, type ReadSettings, readSettings, settingAt } from '../policy/settings-document.ts';
import { triedPart } from '../policy/settings-trial.ts';
import { ANOTHER_WAITS } from '../store/settings-store.ts';
import type { Versioned } from '../store/versioned-document.ts';
import { refusalOfAccess } from './admin-access.ts';
import { readIfMatch, requireVersion, versioned } from './if-match.ts';
import { ProblemError } from './problem.ts';
import type { Act, ActOf, RecordedSettings } from './recorded-changes.ts';
import { type Api, describedBy, text, yesOrNo } from './schema.ts';
import { callerOf } from './who-asks.ts';

/** The settings in force, complete. */
export interface SettingsReport {
  readonly version: number;
  readonly changedAt: string;
  readonly changedBy: string;
  readonly settings: Settings;
}

const WHAT = 'the settings';
const { least, most } = CONFIRM_WITHIN_MS;
const seconds = `is not a number of seconds from ${least / 1000} to ${most / 1000}`;
const changeQuery = z.strictObject({
  dryRun: yesOrNo,
  force: yesOrNo,
  /** What may cut somebody off is undone after this time unless it is confirmed; absent: it is kept. */
  confirmWithinSeconds: z.coerce
    .number({ error: seconds })
    .min(least / 1000, { error: seconds })
    .max(most / 1000, { error: seconds })
    .optional(),
});
const answer = z.strictObject({
  version: z.number(),
  changedAt: text,
  changedBy: text,
  settings: describedBy(z.looseObject({}), settingsSchema),
});
/** Checked by readSettings, which says what is wrong in its own words. */
const whole = describedBy(z.unknown(), settingsSchema);
const part = describedBy(z.unknown(), settingsSchema.partial());
const response = { 200: answer };

export function settingsRoutes(
  app: Api,
  deps: {
    readonly settings: RecordedSettings;
    /** The change that waits to be confirmed: there is one at a time. */
    readonly waits: () => object | undefined;
    readonly act: ActOf;
  },
): void {
  const { settings, act } = deps;
  const report = ({ document, ...rest }: Versioned<Settings>): SettingsReport => ({ ...rest, settings: document });

  const change = async (
    request: FastifyRequest & { readonly query: z.output<typeof changeQuery> },
    reply: FastifyReply,
    what: Act,
    edit: (now: Settings) => ReadSettings,
  ): Promise<SettingsReport> => {
    const onlyIfVersion = readIfMatch(request.headers['if-match'], WHAT);
    const { dryRun, force, confirmWithinSeconds } = request.query;
    const caller = callerOf(request);
    const trial =
      confirmWithinSeconds === undefined
        ? undefined
        : { withinMs: confirmWithinSeconds * 1000, connection: caller.connection ?? null };
    const next = (base: Settings, version: number): Settings => {
      requireVersion(version, onlyIfVersion, WHAT);
      const read = edit(base);
      if ('problems' in read) throw new ProblemError('INVALID_REQUEST', read.problems);
      const refused = force === 'true' ? undefined : refusalOfAccess(base, read.settings, caller.address);
      if (refused !== undefined) throw new TollgateError('CONFLICT', refused);
      if (trial !== undefined) refuseAnother(base, read.settings, deps.waits());
      return read.settings;
    };
    if (dryRun === 'false') return versioned(reply, report(await settings.change(next, what, trial)));
    const now = settings.current();
    return report({ ...now, document: next(now.document, now.version) });
  };
  const found = (path: string): void => {
    const read = settingAt(settings.current().document, path);
    if ('problem' in read) throw new ProblemError('INVALID_REQUEST', [read.problem]);
  };

  app.get('/api/v1/settings', { schema: { summary: 'All settings', response } }, (_request, reply) =>
    versioned(reply, report(settings.current())),
  );
  app.patch(
    '/api/v1/settings',
    {
      schema: {
        summary: 'Change settings; null gives one its default',
        querystring: changeQuery,
        body: part,
        response,
      },
    },
    (request, reply) =>
      change(request, reply, act(request, 'settings.set', 'settings'), (now) =>
        readSettings(mergePatch(now, request.body)),
      ),
  );
  app.put(
    '/api/v1/settings',
    { schema: { summary: 'Replace all settings', querystring: changeQuery, body: whole, response } },
    (request, reply) =>
      change(request, reply, act(request, 'settings.apply', 'settings'), () => readSettings(request.body)),
  );
  app.delete(
    '/api/v1/settings',
    { schema: { summary: 'Give all settings their defaults', querystring: changeQuery, response } },
    (request, reply) => change(request, reply, act(request, 'settings.reset', 'settings'), () => readSettings({})),
  );
  app.delete(
    '/api/v1/settings/:path',
    {
      schema: {
        summary: 'Give one setting, or a section, its defaults',
        params: z.strictObject({ path: z.string().max(200) }),
        querystring: changeQuery,
        response,
      },
    },
    (request, reply) => {
      const { path } = request.params;
      found(path);
      return change(request, reply, act(request, 'settings.reset', `settings ${path}`), (now) =>
        readSettings(mergePatch(now, patchOf(path, null))),
      );
    },
  );
}

/** What is tried waits alone. @throws {TollgateError} `CONFLICT` */
function refuseAnother(before: Settings, after: Settings, waits: object | undefined): void {
  const tried = triedPart(before, after);
  if (tried === undefined) return;
  if (waits !== undefined) throw new TollgateError('CONFLICT', ANOTHER_WAITS);
  const names = Object.keys(settingsSchema.shape) as readonly (keyof Settings)[];
  const others = names.filter((name) => name !== tried && JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  if (others.length > 0)
    throw new TollgateError('CONFLICT', `${tried} is tried alone; change ${others.join(' and ')} before or after it`);
}
