/**
 * Held calls as a person at a daemon's control socket sees and decides them.
 *
 * Quicker than the command line, which takes a second to start on a busy machine, and it outlives the daemon: where nobody
 * answers, it says so by `undefined` or an empty list, and never throws for that.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApprovalReport } from '../../src/approvals/approval.ts';
import type { GrantReport } from '../../src/approvals/grant.ts';
import { type AskSocket, controlSocket } from './control-socket.ts';

export interface ApprovalsClient {
  /** One request of the API; undefined where the daemon is not there. */
  readonly ask: AskSocket;
  readonly list: (state: 'open' | 'all') => Promise<readonly ApprovalReport[]>;
  /** The newest approval of a call to that number, as soon as it is in that state. @throws Error after 20 s */
  readonly approvalOf: (destination: string, state?: ApprovalReport['state']) => Promise<ApprovalReport>;
  /** @returns the HTTP status; undefined where the daemon is not there */
  readonly decide: (
    verb: 'approve' | 'refuse',
    approval: Pick<ApprovalReport, 'id'>,
    body?: object,
  ) => Promise<number | undefined>;
  readonly grants: () => Promise<readonly GrantReport[]>;
}

const ANSWERS_WITHIN_MS = 5000;
const SEEN_WITHIN_MS = 20_000;

/** @param user the name that decisions are recorded by, as `cli USER` */
export function createApprovalsClient(stateDir: string, user = 'tester'): ApprovalsClient {
  const ask = controlSocket(stateDir, { user, answersWithinMs: ANSWERS_WITHIN_MS });
  const read = async <T>(path: string): Promise<readonly T[]> => {
    const answer = await ask('GET', path);
    return answer?.status === 200 ? (JSON.parse(answer.text) as T[]) : [];
  };
  const list: ApprovalsClient['list'] = (state) => read(`/api/v1/approvals?state=${state}&limit=500`);

  return {
    ask,
    list,
    approvalOf: async (destination, state = 'open') => {
      for (const until = performance.now() + SEEN_WITHIN_MS; performance.now() < until; ) {
        const found = (await list('all')).find((each) => each.destination === destination && each.state === state);
        if (found !== undefined) return found;
        await sleep(50);
      }
      throw new Error(`no approval of ${destination} became ${state}`);
    },
    decide: async (verb, { id }, body) => (await ask('POST', `/api/v1/approvals/${id}/${verb}`, body))?.status,
    grants: () => read('/api/v1/grants'),
  };
}
