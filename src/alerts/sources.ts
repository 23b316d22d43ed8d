/**
 * What other parts tell, as alerts. Each function takes what its source has at hand; none waits, none throws.
 *
 * Sources know nothing of alerts: daemon.ts hangs these on what they call back.
 */
import type { Approval } from '../approvals/approval.ts';
import type { ApprovalDesk, SettledApproval } from '../approvals/approval-desk.ts';
import type { BanChange } from '../bans/ban.ts';
import type { BanList } from '../bans/ban-list.ts';
import type { DefenceReport, ReportKind } from '../bans/defence-reports.ts';
import type { FirewallStatus } from '../bans/firewall/reconciler.ts';
import type { Clock } from '../clock.ts';
import type { Decision } from '../gate/gate.ts';
import type { AuditEntry } from '../people/audit-log.ts';
import { describeSubject, showName } from '../policy/call.ts';
import type { Lock } from '../policy/lockout.ts';
import { decisiveReading, type Finding, isExceeded } from '../policy/verdict.ts';
import type { Intruder } from '../registrations/intruder.ts';
import type { PartStatus } from '../status.ts';
import type { AlertKind, Severity } from './alert.ts';
import type { AlertIntake } from './intake.ts';

export interface AlertSources {
  /** Of every call, after its answer. */
  readonly decided: (decision: Decision) => void;
  readonly reported: (report: DefenceReport) => void;
  /** Of locks that this daemon made, and that were cleared on it. */
  readonly locks: {
    readonly onLocked: (lock: Lock) => void;
    readonly onCleared: (lock: Lock, act: { readonly by: string }) => void;
  };
  readonly intruder: (intruder: Intruder) => void;
  /** Of every entry of the audit log that is written. */
  readonly audited: (entry: AuditEntry) => void;
  /** The log was touched, or the store lost some of it. */
  readonly auditBroken: (why: string) => void;
  /** Somebody logged in from an address that he has not used before. */
  readonly loggedIn: (user: string, address: string) => void;
  /** Listens to those that have listeners, and looks again and again at the others. @returns what ends it */
  readonly follow: (sources: FollowedSources) => () => void;
}

export interface FollowedSources {
  readonly desk: Pick<ApprovalDesk, 'onOpened' | 'onSettled'>;
  readonly bans: Pick<BanList, 'onChange'>;
  readonly parts: () => readonly PartStatus[];
  readonly firewall: { readonly state: () => { readonly lastDrift: FirewallStatus['lastDrift'] } };
}

/** Refusals of one subject by one rule within the window, from which on staff are told. */
const MANY_REFUSALS = 10;
const REFUSALS_WITHIN_MS = 300_000;
const MOST_COUNTED = 10_000;
const LOOK_EVERY_MS = 2000;
/** What is back sooner, such as a connection at the start, is told to nobody. */
const DOWN_FOR_MS = 5000;

export function createAlertSources(
  { raise, raiseOften, resolve }: Pick<AlertIntake, 'raise' | 'raiseOften' | 'resolve'>,
  deps: { readonly clock: Clock; readonly node: string },
): AlertSources {
  const { clock, node } = deps;
  const refusals = new Map<string, { readonly sinceMs: number; count: number }>();

  /** How many refusals this one makes known: none, ten at once, or itself. */
  const newRefusals = (of: string): number => {
    const nowMs = clock.monotonicMs();
    const known = refusals.get(of);
    if (known !== undefined && nowMs - known.sinceMs < REFUSALS_WITHIN_MS) {
      known.count += 1;
      return known.count < MANY_REFUSALS ? 0 : known.count === MANY_REFUSALS ? MANY_REFUSALS : 1;
    }
    refusals.delete(of);
    refusals.set(of, { sinceMs: nowMs, count: 1 });
    const [oldest] = refusals.keys();
    if (refusals.size > MOST_COUNTED && oldest !== undefined) refusals.delete(oldest);
    return 0;
  };

  const tellOfRule = (kind: AlertKind, decision: Decision, finding: Finding, count: number, does: string): void => {
    const { rule } = finding;
    const subject = subjectOf(decision, finding);
    raiseOften({ kind, about: `${rule.id} ${subject}`, rule: rule.id }, count, () => ({
      kind,
      about: `${rule.id} ${subject}`,
      rule: rule.id,
      subject,
      title: `${subject} ${does} rule ${rule.id}`,
      sentence: `${decision.verdict.reason}.`,
    }));
  };

  const approvalOpened = (approval: Approval): void => {
    // Every node hears of it; the one that holds the call tells.
    if (approval.node !== node) return;
    const { id, expiresAt, rule, destinationIs, because } = approval;
    const who = `extension ${showName(approval.extension ?? 'unknown')}`;
    const to = showName(approval.called);
    const until = new Date(expiresAt).toISOString().slice(11, 19);
    raise({
      kind: 'approval-waiting',
      about: id,
      rule,
      subject: who,
      title: `A call waits for approval: ${who} to ${to}`,
      sentence: `${who} calls ${to}${destinationIs === '' ? '' : ` (${destinationIs})`}; held by rule ${rule}, ${because}. Until ${until} UTC; then the call is ${approval.hold.otherwise === 'allow' ? 'let go' : 'refused'}. On the command line: tollgate approvals approve ${id}`,
      approval: { id, expiresAt },
      once: id,
    });
  };
  const approvalSettled = ({ approval, settlement }: SettledApproval): void => {
    const by = settlement.by === undefined ? '' : ` by ${settlement.by}`;
    resolve('approval-waiting', approval.id, `The approval was ${settlement.state}${by}`);
  };
  const bansChanged = (changes: readonly BanChange[]): void => {
    for (const { what, ban } of changes) {
      if (what !== 'add' || ban.origin !== 'automatic') continue;
      const until = ban.until === null ? 'for ever' : `until ${new Date(ban.until).toISOString()}`;
      raise({
        kind: 'ban',
        about: ban.address,
        subject: ban.address,
        title: `${ban.address} is banned`,
        sentence: `${ban.address} is banned ${until}: ${ban.reason}. tollgate bans show ${ban.address}`,
        once: `${ban.address} ${ban.since}`,
      });
    }
  };
  const drifted = (found: readonly string[]): void =>
    raise({
      kind: 'defence',
      about: `${node} packet filter`,
      subject: 'packet filter',
      title: `The packet filter of ${node} was changed by somebody else`,
      sentence: `It was mended: ${found.join('; ')}.`,
    });
  const partWatch = (): ((parts: readonly PartStatus[]) => void) => {
    const seen = new Map<
      string,
      { readonly state: PartStatus['state']; readonly sinceMs: number; readonly isTold: boolean }
    >();
    return (parts) => {
      const nowMs = clock.monotonicMs();
      for (const { name, state, detail, remedy } of parts) {
        const before = seen.get(name);
        const about = `${node} ${name}`;
        const sinceMs = before?.state === state ? before.sinceMs : nowMs;
        const isDown = state === 'down' && nowMs - sinceMs >= DOWN_FOR_MS;
        if (isDown && before?.isTold !== true) {
          const sentence = `${name} on ${node} is down: ${detail}. To do: ${remedy}.`;
          raise({ kind: 'component', about, subject: name, title: `${name} on ${node} is down`, sentence });
        }
        // At the first look as well: a daemon that was restarted does not know what it had told.
        if (state === 'up' && (before === undefined || before.isTold)) resolve('component', about, `${name} is back`);
        seen.set(name, { state, sinceMs, isTold: state === 'down' && (isDown || before?.isTold === true) });
      }
    };
  };

  return {
    decided: (decision) => {
      const { verdict, findings } = decision;
      for (const finding of findings) {
        if (!finding.applies) continue;
        if (finding.rule.mode === 'shadow') {
          if (isExceeded(finding)) tellOfShadow(raiseOften, decision, finding);
        } else if (finding.rule === verdict.rule) {
          if (verdict.name === 'alert') tellOfRule('limit-exceeded', decision, finding, 1, 'exceeded');
          else if (verdict.name === 'block') {
            const count = newRefusals(`${finding.rule.id} ${subjectOf(decision, finding)}`);
            if (count > 0) tellOfRule('repeated-refusals', decision, finding, count, 'is refused again and again by');
          }
        }
      }
    },
    reported: ({ kind, sentence, address, account, service }) => {
      const { kind: alertKind, severity, title, of } = REPORTS[kind];
      const subject = account === null || of === 'address' ? address : `extension ${showName(account)}`;
      raise({
        kind: alertKind,
        severity,
        about: `${kind} ${service ?? ''} ${address ?? ''} ${account ?? ''}`,
        subject,
        title: subject === null ? title : `${title}: ${subject}`,
        sentence,
      });
    },
    locks: {
      onLocked: ({ id, rule, subject, destinations, because }) => {
        const who = describeSubject(subject);
        raise({
          kind: 'locked',
          about: `${rule} ${who}`,
          rule,
          subject: who,
          title: `${who} is locked`,
          sentence: `Rule ${rule} has locked ${who} for calls to ${destinations.join(', ')}: ${because}. Emergency calls go on. Find out who called before you let it call again: tollgate locks clear ${id}`,
          once: id,
        });
      },
      onCleared: ({ rule, subject }, { by }) =>
        resolve('locked', `${rule} ${describeSubject(subject)}`, `The lock was cleared by ${by}`),
    },
    intruder: ({ extension, address, outcome, problem, asterisk }) => {
      const became = {
        removed: 'its registration was taken away',
        refused: 'Asterisk did not let it in',
        kept: `its registration is still there (${problem})`,
      }[outcome];
      raise({
        kind: 'fraud',
        about: `registration ${extension} ${address}`,
        subject: `extension ${showName(extension)}`,
        title: `Somebody has the password of extension ${showName(extension)}`,
        sentence: `${address} registered as ${showName(extension)} at Asterisk ${asterisk} from where it may not; ${became}. Change the password.`,
      });
    },
    audited: (entry) => {
      const what = changedBy(entry);
      if (what === undefined) return;
      const from = entry.from === undefined ? '' : ` from ${entry.from}`;
      raise({
        kind: 'rules-changed',
        about: what,
        subject: what,
        title: `The ${what} was changed by ${entry.by}`,
        sentence: `${entry.by}${from}: ${entry.action}, ${entry.subject}. tollgate audit list shows what it was before.`,
      });
    },
    auditBroken: (why) =>
      raise({
        kind: 'fraud',
        about: 'audit log',
        subject: 'audit log',
        title: 'The audit log is broken',
        sentence: why,
      }),
    loggedIn: (user, address) =>
      raise({
        kind: 'log-in',
        about: `${user} ${address}`,
        subject: user,
        title: `${showName(user)} logged in from a new address`,
        sentence: `${showName(user)} logged in from ${address} for the first time.`,
      }),
    follow: ({ desk, bans, parts, firewall }) => {
      const lookAtParts = partWatch();
      let driftAt = firewall.state().lastDrift?.at;
      const timer = setInterval(() => {
        lookAtParts(parts());
        const { lastDrift } = firewall.state();
        if (lastDrift !== undefined && lastDrift.at !== driftAt) drifted(lastDrift.found);
        driftAt = lastDrift?.at;
      }, LOOK_EVERY_MS);
      timer.unref();
      const stops = [desk.onOpened(approvalOpened), desk.onSettled(approvalSettled), bans.onChange(bansChanged)];
      return () => {
        clearInterval(timer);
        for (const stop of stops) stop();
      };
    },
  };
}

/** Of all subjects together: a rule that is being tried out must not fill anybody's day. */
function tellOfShadow(raiseOften: AlertIntake['raiseOften'], decision: Decision, { rule }: Finding): void {
  raiseOften({ kind: 'shadow', about: rule.id, rule: rule.id }, 1, () => ({
    kind: 'shadow',
    about: rule.id,
    rule: rule.id,
    title: `Shadow rule ${rule.id} would have acted`,
    sentence: `Rule ${rule.id} is in shadow; enforced, it would now act on calls such as one of extension ${showName(decision.call.extension ?? 'unknown')}.`,
  }));
}

/** On whom the rule counts; of a rule that counts nothing, who calls. */
function subjectOf({ call }: Decision, finding: Finding): string {
  const subject = decisiveReading(finding)?.subject;
  return subject === undefined ? `extension ${showName(call.extension ?? 'unknown')}` : describeSubject(subject);
}

/** What of that which lets calls or addresses through an entry of the audit log changed. */
function changedBy({ action, subject, before, after }: AuditEntry): 'default rule' | 'allowlist' | undefined {
  if (action.startsWith('allowlist.')) return 'allowlist';
  const touches = [before, after].some(
    (part) => typeof part === 'object' && part !== null && Object.hasOwn(part, 'rules.default'),
  );
  return subject === 'rule default' || touches ? 'default rule' : undefined;
}

const REPORTS: Readonly<
  Record<
    ReportKind,
    {
      readonly kind: AlertKind;
      readonly severity: Severity;
      readonly title: string;
      /** Whom it is about, where it names both. */
      readonly of: 'address' | 'account';
    }
  >
> = {
  'mis-set-phone': { kind: 'defence', severity: 'warning', title: 'A phone is set wrongly', of: 'account' },
  spared: { kind: 'defence', severity: 'warning', title: 'An address attacks and was spared', of: 'address' },
  'allowed-address': { kind: 'defence', severity: 'warning', title: 'An allowed address attacks', of: 'address' },
  'not-banned': { kind: 'defence', severity: 'warning', title: 'An address could not be banned', of: 'address' },
  'keeps-hitting-limits': { kind: 'fraud', severity: 'warning', title: 'Keeps hitting limits', of: 'account' },
  'new-high-risk-country': {
    ...{ kind: 'fraud', severity: 'critical', of: 'account' },
    title: 'First call to a high-risk country',
  },
  'many-destinations': { kind: 'fraud', severity: 'critical', title: 'Calls many numbers', of: 'account' },
  'number-range': { kind: 'fraud', severity: 'critical', title: 'Calls many numbers of one range', of: 'account' },
};
