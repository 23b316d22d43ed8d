/**
 * `/api/v1/settings`: what is counted as an attack, packet limits, countries. `PATCH` merges (RFC 7396; `null` gives a
 * setting its default), `PUT` replaces the whole, `DELETE` gives one setting, a section, or everything its defaults. Who
 * would cut himself off from page and API by `adminAccess` is refused, unless he says `force=true`.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { TollgateError } from '../errors.ts';
import type { Settings } from '../policy/settings.ts';
import { mergePatch, patchOf, type ReadSettings, readSettings, settingAt } from '../policy/settings-document.ts';
import type { Versioned } from '../store/versioned-document.ts';
import { refusalOfAccess } from './admin-access.ts';
import { readIfMatch, requireVersion } from './if-match.ts';
import { ProblemError, parse } from './problem.ts';
import type { Act, ActOf, RecordedSettings } from './recorded-changes.ts';
import { callerOf } from './who-asks.ts';

/** The settings in force, complete. */
export interface SettingsReport {
  readonly version: number;
  readonly changedAt: string;
  readonly changedBy: string;
  readonly settings: Settings;
}

interface ByPath {
  Params: { readonly path: string };
}

const WHAT = 'the settings';
const yesOrNo = z.enum(['true', 'false']).default('false');
const changeQuery = z.strictObject({ dryRun: yesOrNo, force: yesOrNo });

export function settingsRoutes(
  app: FastifyInstance,
  deps: { readonly settings: RecordedSettings; readonly act: ActOf },
): void {
  const { settings, act } = deps;
  const report = ({ document, ...rest }: Versioned<Settings>): SettingsReport => ({ ...rest, settings: document });

  const change = async (
    request: FastifyRequest,
    what: Act,
    edit: (now: Settings) => ReadSettings,
  ): Promise<SettingsReport> => {
    const onlyIfVersion = readIfMatch(request.headers['if-match'], WHAT);
    const { dryRun, force } = parse(changeQuery, request.query);
    const next = (base: Settings, version: number): Settings => {
      requireVersion(version, onlyIfVersion, WHAT);
      const read = edit(base);
      if ('problems' in read) throw new ProblemError('INVALID_REQUEST', read.problems);
      const refused = force === 'true' ? undefined : refusalOfAccess(base, read.settings, callerOf(request).address);
      if (refused !== undefined) throw new TollgateError('CONFLICT', refused);
      return read.settings;
    };
    if (dryRun === 'false') return report(await settings.change(next, what));
    const now = settings.current();
    return report({ ...now, document: next(now.document, now.version) });
  };
  const found = (path: string): void => {
    const read = settingAt(settings.current().document, path);
    if ('problem' in read) throw new ProblemError('INVALID_REQUEST', [read.problem]);
  };

  app.get('/api/v1/settings', async () => report(settings.current()));
  app.patch('/api/v1/settings', (request) =>
    change(request, act(request, 'settings.set', 'settings'), (now) => readSettings(mergePatch(now, request.body))),
  );
  app.put('/api/v1/settings', (request) =>
    change(request, act(request, 'settings.apply', 'settings'), () => readSettings(request.body)),
  );
  app.delete('/api/v1/settings', (request) =>
    change(request, act(request, 'settings.reset', 'settings'), () => readSettings({})),
  );
  app.delete<ByPath>('/api/v1/settings/:path', (request) => {
    const { path } = request.params;
    found(path);
    return change(request, act(request, 'settings.reset', `settings ${path}`), (now) =>
      readSettings(mergePatch(now, patchOf(path, null))),
    );
  });
}
