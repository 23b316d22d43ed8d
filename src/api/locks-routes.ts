/** `/api/v1/locks`: who may not call certain destinations until a person lets him, and why. */
import { z } from 'zod';
import { type LockReport, reportLock } from '../locks/lock-report.ts';
import type { Locks } from '../locks/locks.ts';
import { notFound } from './problem.ts';
import type { ActOf } from './recorded-changes.ts';
import { type Api, byId, instant, list, text } from './schema.ts';

const lock = z.strictObject({
  id: text,
  /** `extension 1001`. */
  subject: text,
  rule: text,
  destinations: list(text),
  because: text,
  since: instant,
});

const reason = z.strictObject({ reason: z.string().trim().max(300).optional() }).optional();
const clearBody = z
  .strictObject({
    extension: z.string().trim().min(1, { error: 'is empty' }).max(128).optional(),
    all: z.literal(true, { error: 'is not true; leave it out to clear some only' }).optional(),
    reason: z.string().trim().max(300).optional(),
  })
  .refine(({ extension, all }) => (extension === undefined) !== (all === undefined), {
    error: 'says which locks by extension, or by all',
  });

export function lockRoutes(app: Api, deps: { readonly locks: Locks; readonly act: ActOf }): void {
  const { locks, act } = deps;
  app.get(
    '/api/v1/locks',
    { schema: { summary: 'Locks in force, newest first', response: { 200: list(lock) } } },
    async (): Promise<LockReport[]> => locks.list().map(reportLock),
  );
  app.delete(
    '/api/v1/locks/:id',
    { schema: { summary: 'Clear one', params: byId, body: reason, response: { 200: lock } } },
    async (request): Promise<LockReport> => {
      const { id } = request.params;
      const { by, from } = act(request, 'locks.clear', `lock ${id}`);
      const cleared = await locks.clear(id, { by, from, reason: request.body?.reason });
      if (cleared === undefined) throw notFound('lock', id, 'it may have been cleared by somebody else');
      return reportLock(cleared);
    },
  );
  app.post(
    '/api/v1/locks/clear',
    { schema: { summary: 'Clear those of an extension, or all', body: clearBody, response: { 200: list(lock) } } },
    async (request): Promise<LockReport[]> => {
      const { extension, reason: why } = request.body;
      const { by, from } = act(request, 'locks.clear', extension === undefined ? 'all' : `extension ${extension}`);
      await locks.refresh();
      const meant = locks
        .list()
        .filter(({ subject }) => extension === undefined || (subject.kind === 'extension' && subject.id === extension));
      const cleared = [];
      for (const { id } of meant) cleared.push(await locks.clear(id, { by, from, reason: why }));
      return cleared.flatMap((each) => (each === undefined ? [] : [reportLock(each)]));
    },
  );
}
