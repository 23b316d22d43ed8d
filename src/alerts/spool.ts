/**
 * Alerts that could not be written to the store, in a file of this host, so that a daemon which is killed while the store
 * is away loses none of them.
 *
 * Written whole and exchanged, so that it is never half a file. Bounded by whoever gives it what to keep.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { alertSchema } from './alert.ts';
import type { Intake } from './incidents.ts';

const intakeSchema = z.object({
  id: z.string(),
  key: z.string(),
  batch: z.object({ id: z.string(), alert: alertSchema, count: z.int() }).optional(),
  over: z.string().optional(),
  already: z.array(z.string()),
});

export interface AlertSpool {
  /** What was kept when this daemon ended. */
  readonly kept: readonly Intake[];
  /** Replaces what is kept; nothing removes the file. Never rejects. */
  readonly keep: (intakes: readonly Intake[]) => Promise<void>;
}

export async function openAlertSpool(path: string, log: Log): Promise<AlertSpool> {
  let isEmpty = false;
  return {
    kept: await readKept(path, log),
    keep: async (intakes) => {
      if (intakes.length === 0 && isEmpty) return;
      try {
        if (intakes.length === 0) await rm(path, { force: true });
        else {
          await writeFile(`${path}.new`, intakes.map((each) => `${JSON.stringify(each)}\n`).join(''), { mode: 0o600 });
          await rename(`${path}.new`, path);
        }
        isEmpty = intakes.length === 0;
      } catch (error) {
        log.error({ problem: messageOf(error) }, 'alerts that wait for the store cannot be kept on this host');
      }
    },
  };
}

async function readKept(path: string, log: Log): Promise<Intake[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    if (line === '') return [];
    try {
      const { batch, over, ...rest } = intakeSchema.parse(JSON.parse(line));
      return [{ ...rest, batch, over }];
    } catch (error) {
      log.warn({ problem: messageOf(error) }, 'a kept alert cannot be read');
      return [];
    }
  });
}
