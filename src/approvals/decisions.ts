/**
 * A person's word on a held call, whichever way it came: on the command line, by the API, a link or a phone. Here it
 * becomes one settlement, with what it grants for later calls, and an entry in the audit log.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { TollgateError } from '../errors.ts';
import type { EpochMs, Subject } from '../policy/call.ts';
import { endOfDay } from '../policy/day.ts';
import type { Policy } from '../policy/policy.ts';
import { type Approval, personOf, stillNeeded } from './approval.ts';
import type { ApprovalDesk, Settled } from './approval-desk.ts';
import { describeGrant, type Grant, type GrantedFor, USUAL_GRANT_MINUTES, usualCalls } from './grant.ts';
import type { Grants } from './grants.ts';
import { grantOfRaise, type Raise } from './raise.ts';

export interface Word {
  readonly approve: boolean;
  /** A person's name and way, such as `cli anna`. */
  readonly by: string;
  readonly from?: string | undefined;
  readonly reason?: string | undefined;
  /** What a yes stands for; absent: this call. */
  readonly for?: GrantedFor | undefined;
  readonly minutes?: number | undefined;
  /** Of `limit`: how many more calls. Absent: as many as the rule lets pass in that time. */
  readonly calls?: number | undefined;
}

export interface Decisions {
  /**
   * @returns undefined where there is no such approval
   * @throws {TollgateError} `INVALID_REQUEST` for a grant that this call cannot have; of the store
   */
  readonly decide: (id: string, word: Word) => Promise<Settled | undefined>;
  /**
   * Grants more calls of a rule to a subject until a time.
   *
   * @param dryRun only says what it would be
   * @throws {TollgateError} `NOT_FOUND`, `INVALID_REQUEST`, `FORBIDDEN` for the own extension, `CONFLICT`; of the store
   */
  readonly raise: (raise: Raise, dryRun: boolean) => Promise<Grant>;
  /** @throws {TollgateError} of the store */
  readonly revoke: (id: string, by: string, from?: string) => Promise<Grant | undefined>;
}

/** Each is looked at for every call that a rule would hold. */
const MOST_GRANTS = 1000;

/** Where what people decide is written down. */
export type NoteDecision = (entry: {
  readonly by: string;
  readonly from?: string | undefined;
  readonly action: string;
  readonly subject: string;
  readonly before?: unknown;
  readonly after?: unknown;
  readonly reason?: string | undefined;
}) => Promise<void>;

export function createDecisions(deps: {
  readonly desk: ApprovalDesk;
  readonly grants: Grants;
  readonly policy: () => Policy;
  readonly clock: Pick<Clock, 'now'>;
  readonly note: NoteDecision;
  /** The extension whose calls a person must not decide about: his own. */
  readonly ownExtension: (name: string) => string | undefined;
}): Decisions {
  const { desk, grants, clock } = deps;

  const grantFor = (approval: Approval, word: Word): Grant | undefined => {
    const { for: what = 'call', minutes = USUAL_GRANT_MINUTES } = word;
    if (what === 'call' || !word.approve) return undefined;
    keepWithin();
    const at = clock.now();
    const given = {
      id: randomBytes(6).toString('hex'),
      rule: approval.rule,
      by: word.by,
      ...(word.from === undefined ? {} : { from: word.from }),
      ...(word.reason === undefined ? {} : { reason: word.reason }),
      approval: approval.id,
      at,
      until: (at + minutes * 60_000) as EpochMs,
    };
    switch (what) {
      case 'number': {
        const { extension, called: number } = approval;
        if (extension === undefined) throw cannotGrant('the extension of this call is not known');
        return { ...given, what, extension, number };
      }
      case 'limit': {
        const [first, ...others] = approval.subjects;
        if (first === undefined) throw cannotGrant('what the rule counts this call on is not known');
        const subjects: readonly [Subject, ...Subject[]] = [first, ...others];
        const rule = deps.policy().rules.find(({ id }) => id === approval.rule);
        return { ...given, what, subjects, calls: word.calls ?? usualCalls(rule?.limits ?? [], minutes) };
      }
      default:
        return what satisfies never;
    }
  };

  const keepWithin = (): void => {
    if (grants.list().length >= MOST_GRANTS)
      throw new TollgateError(
        'CONFLICT',
        `there are ${MOST_GRANTS} grants already; revoke some, or approve single calls only`,
      );
  };

  const noteDown = async (settled: Settled, word: Word): Promise<void> => {
    const { approval, settlement, outcome } = settled;
    if (outcome !== 'first' && outcome !== 'noted') return;
    await deps.note({
      by: word.by,
      from: word.from,
      reason: word.reason,
      action: word.approve ? 'approvals.approve' : 'approvals.refuse',
      subject: `approval ${approval.id}`,
      after: {
        call: `${approval.extension ?? 'unknown'} to ${approval.destination}`,
        rule: approval.rule,
        state: settlement?.state ?? 'open',
        ...(stillNeeded(settled) > 0 ? { stillNeeded: stillNeeded(settled) } : {}),
        ...(settlement?.grant === undefined ? {} : { grant: describeGrant(settlement.grant) }),
      },
    });
  };

  return {
    decide: async (id, word) => {
      const found = await desk.find(id);
      if (found === undefined) return undefined;
      // Nobody counts twice, and an extension cannot let itself go: the phone that calls is no supervisor of its own call.
      const { extension } = found.approval;
      if (extension !== undefined && word.approve && personOf(word.by) === personOf(`phone ${extension}`)) {
        throw new TollgateError('INVALID_REQUEST', `${word.by} is the caller and cannot approve the own call`);
      }
      if (extension !== undefined && isNamed(word.by) && deps.ownExtension(personOf(word.by)) === extension)
        throw new TollgateError('FORBIDDEN', 'this is your own call; someone else has to decide');
      const grant = found.settlement === undefined ? grantFor(found.approval, word) : undefined;
      const settled = await desk.settle(id, {
        state: word.approve ? 'approved' : 'refused',
        by: word.by,
        ...(word.from === undefined ? {} : { from: word.from }),
        ...(word.reason === undefined ? {} : { reason: word.reason }),
        ...(grant === undefined ? {} : { grant }),
      });
      if (settled === undefined) return undefined;
      // In force here before anybody is told so.
      if (settled.isFirst && grant !== undefined) await grants.refresh();
      await noteDown(settled, word);
      return settled;
    },
    raise: async (raise, dryRun) => {
      const { rules, document } = deps.policy();
      const at = clock.now();
      const { lasts, subject, by, from, reason } = raise;
      const until = lasts === 'day' ? endOfDay(at, document.timezone) : ((at + lasts.minutes * 60_000) as EpochMs);
      const grant = grantOfRaise(raise, rules, { id: randomBytes(6).toString('hex'), at, until });
      const own = isNamed(by) ? deps.ownExtension(personOf(by)) : undefined;
      const [extension] = subject.kind.startsWith('extension') ? subject.id.split(' ') : [];
      if (own !== undefined && own === extension)
        throw new TollgateError('FORBIDDEN', 'this is your own extension; someone else has to decide');
      keepWithin();
      if (dryRun) return grant;
      await grants.add(grant);
      const after = { rule: grant.rule, grant: describeGrant(grant) };
      await deps.note({ by, from, reason, action: 'grants.add', subject: `grant ${grant.id}`, after });
      return grant;
    },
    revoke: async (id, by, from) => {
      const grant = await grants.revoke(id);
      if (grant !== undefined) {
        await deps.note({ by, from, action: 'grants.revoke', subject: `grant ${id}`, before: describeGrant(grant) });
      }
      return grant;
    },
  };
}

/** Keys are no persons, and a phone has no name. */
const isNamed = (by: string): boolean => /^(?:cli|link|web) /.test(by);

const cannotGrant = (why: string): TollgateError =>
  new TollgateError('INVALID_REQUEST', `${why}, so only this call can be approved`);
