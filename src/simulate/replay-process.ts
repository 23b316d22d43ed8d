/**
 * A replay in a process of its own, so that no call waits for it: started by replay-job.ts, told what to do in one message,
 * and says how far it is and what came of it. It ends with its parent.
 */
import { TollgateError } from '../errors.ts';
import type { PolicyDocument } from '../policy/document.ts';
import { compilePolicy } from '../policy/policy.ts';
import { unpackRates } from '../rates/packed-rates.ts';
import { type Progress, replayFile } from './replay-file.ts';
import { type ReplayReport, reportReplay } from './replay-report.ts';

export interface ReplayOrder {
  readonly path: string;
  readonly policy: PolicyDocument;
  readonly compare?: PolicyDocument | undefined;
  /** As the store keeps a rate sheet; absent: no call has a price. */
  readonly rates?: { readonly packed: string; readonly currency: string } | undefined;
  readonly timezone: string;
  readonly held: 'approve' | 'refuse';
}

export type ReplayWord =
  | { readonly what: 'progress'; readonly progress: Progress }
  | { readonly what: 'done'; readonly report: ReplayReport }
  /** @property isExpected it lies in the file, and is no defect */
  | { readonly what: 'failed'; readonly problem: string; readonly isExpected: boolean };

const TELL_EVERY_MS = 200;

const say = (word: ReplayWord): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else process.send(word, () => resolve());
  });

async function replay({ path, policy, compare, rates, timezone, held }: ReplayOrder): Promise<void> {
  let toldMs = 0;
  try {
    const sheet = rates === undefined ? undefined : await unpackRates(rates.packed, rates.currency);
    const replayed = await replayFile({
      ...{ path, timezone, held },
      policy: compilePolicy(policy),
      compare: compare === undefined ? undefined : compilePolicy(compare),
      rates: sheet,
      onProgress: (progress) => {
        const nowMs = performance.now();
        if (nowMs - toldMs < TELL_EVERY_MS) return;
        toldMs = nowMs;
        void say({ what: 'progress', progress });
      },
      signal: new AbortController().signal,
    });
    await say({ what: 'done', report: reportReplay(replayed, sheet !== undefined) });
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    await say({ what: 'failed', problem, isExpected: error instanceof TollgateError });
  }
  process.disconnect();
}

process.on('disconnect', () => process.exit());
// Of its parent's own making.
process.once('message', (order) => void replay(order as ReplayOrder));
