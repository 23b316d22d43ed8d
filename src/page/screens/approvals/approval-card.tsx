/** One held call in full: who, whom, why, how long, and the two buttons. Nothing in it needs scrolling on a phone. */
import { Button } from '@mantine/core';
import { IconCheck, IconX } from '@tabler/icons-react';
import { type ReactNode, useEffect, useEffectEvent, useLayoutEffect, useRef, useState } from 'react';
import type { ApprovalReport } from '../../../approvals/approval.ts';
import { type LiveEvent, useLiveEvents } from '../../api/live.tsx';
import { useMe } from '../../api/me.ts';
import { useSession } from '../../api/session.tsx';
import { announce } from '../../frame/announcer.tsx';
import { useKeys } from '../../frame/keys.tsx';
import { capital, formatDuration, formatPhone, sentence } from '../../parts/format.ts';
import { ErrorText } from '../../parts/states.tsx';
import { useNow, useZone } from '../../parts/time.tsx';
import { Verdict } from '../../parts/verdict.tsx';
import { approvalTexts } from '../../texts/approvals.ts';
import { Countdown } from './countdown.tsx';
import { useDecision, type Verb } from './decision.ts';
import { useHistory } from './history.ts';
import { NextButton } from './next-button.tsx';
import { outcomeOf } from './outcome.ts';
import { ScopeFields, useScope } from './scope-fields.tsx';

export function ApprovalCard({
  approval,
  next,
  isChecking,
  mayPress,
  onKnown,
  onNext,
  onDismiss,
}: {
  readonly approval: ApprovalReport;
  /** The next one that waits. */
  readonly next: ApprovalReport | undefined;
  readonly isChecking: boolean;
  readonly mayPress: () => boolean;
  readonly onKnown: (approval: ApprovalReport) => void;
  readonly onNext: () => void;
  readonly onDismiss: () => void;
}): ReactNode {
  const { id, state } = approval;
  const { may } = useSession();
  const { data: me } = useMe();
  const zone = useZone();
  const scope = useScope(approval);
  const { state: decision, decide } = useDecision(approval, onKnown);
  const [hasFocus, setFocus] = useState(false);
  const card = useRef<HTMLElement>(null);
  const outcome = outcomeOf(approval, decision, me?.name ?? '', zone);
  const after = useAfter(approval);
  const isOpen = state === 'open' && outcome.length === 0;
  const isOwn = me?.ownExtension != null && me.ownExtension === approval.extension;
  const mayDecide = may('approvals:decide') && !isOwn;
  const isBusy = decision.phase === 'sending' || decision.phase === 'asking';
  const press = (verb: Verb): void => {
    if (isBusy || !isOpen || !mayDecide || isChecking || !mayPress()) return;
    void decide({ verb, ...scope.wish });
  };
  useKeys(
    [
      { keys: 'a', says: approvalTexts.approve, run: () => press('approve') },
      { keys: 'r', says: approvalTexts.refuse, run: () => press('refuse') },
      { keys: 's', says: approvalTexts.for, run: () => scope.open(card.current, 'for') },
      { keys: 'n', says: approvalTexts.reason, run: () => scope.open(card.current, 'reason') },
    ],
    hasFocus && isOpen,
  );
  // One that is settled stays as high as it was: what is below it may have a pointer over it.
  const height = useRef(0);
  useLayoutEffect(() => {
    const { current } = card;
    if (current === null) return;
    if (isOpen) height.current = current.offsetHeight;
    current.style.minHeight = isOpen ? '' : `${height.current}px`;
  });
  const said = outcome.join(' ');
  const tell = useEffectEvent(() => {
    announce(said);
    // Not onto a button of the next call: its heading is what comes.
    if (card.current?.contains(document.activeElement) === true) card.current.querySelector('h2')?.focus();
  });
  useEffect(() => {
    if (said !== '') tell();
  }, [said]);

  return (
    <article
      id={`card-${id}`}
      ref={card}
      className="approval-card"
      aria-labelledby={`name-${id}`}
      data-settled={!isOpen || undefined}
      onFocus={() => setFocus(true)}
      onBlur={({ currentTarget, relatedTarget }) => setFocus(currentTarget.contains(relatedTarget))}
    >
      <Facts approval={approval} isOpen={isOpen} />
      {isOpen && mayDecide && <ScopeFields approval={approval} scope={scope} />}
      <div className="approval-foot">
        {isOpen ? (
          <>
            {!mayDecide && <p className="muted">{isOwn ? approvalTexts.ownCall : approvalTexts.mayNot}</p>}
            {mayDecide && (
              <div className="approval-buttons">
                <Button
                  leftSection={<IconX size={20} stroke={1.75} />}
                  disabled={isBusy || isChecking}
                  onClick={() => press('refuse')}
                >
                  {wordOn('refuse')}
                </Button>
                <Button
                  variant="filled"
                  leftSection={<IconCheck size={20} stroke={1.75} />}
                  disabled={isBusy || isChecking}
                  onClick={() => press('approve')}
                >
                  {wordOn('approve')}
                </Button>
              </div>
            )}
            {decision.phase === 'asking' && <p role="status">{approvalTexts.asking}</p>}
            {decision.phase === 'failed' && (
              <div role="alert">
                <ErrorText error={decision.error} />
              </div>
            )}
            {next !== undefined && <NextLine next={next} />}
          </>
        ) : (
          <div className="approval-outcome">
            <div>
              {outcome.map((line, index) =>
                index === 0 ? <strong key={line}>{line}</strong> : <p key={line}>{line}</p>,
              )}
              {after !== undefined && <p>{after}</p>}
            </div>
            <NextButton next={next} onNext={next === undefined ? onDismiss : onNext} />
          </div>
        )}
      </div>
    </article>
  );

  function wordOn(verb: Verb): string {
    if (isChecking) return approvalTexts.checking;
    return isBusy && 'verb' in decision && decision.verb === verb ? approvalTexts.sending : approvalTexts[verb];
  }
}

function NextLine({ next }: { readonly next: ApprovalReport }): ReactNode {
  return (
    <p className="approval-next-line muted">
      {approvalTexts.next(next.extension)} <Countdown approval={next} />
    </p>
  );
}

function Facts({ approval, isOpen }: { readonly approval: ApprovalReport; readonly isOpen: boolean }): ReactNode {
  const { id, extension, destination, destinationIs, because, facts, trunk, node, otherwise, openedAt } = approval;
  const now = useNow();
  const { ofExtension, ofNumber } = useHistory(approval);
  const where = [
    ...(destinationIs === '' ? [] : [capital(destinationIs)]),
    ...(facts?.isFirst === true ? [approvalTexts.firstCall] : []),
  ];
  const from = [
    ...(facts?.groups ?? []).slice(0, MOST_GROUPS),
    ...(facts?.campaign == null ? [] : [approvalTexts.campaign(facts.campaign)]),
    ...(facts?.agent == null ? [] : [approvalTexts.agent(facts.agent)]),
  ];
  const history = [
    ...(ofExtension === undefined || extension === null
      ? []
      : [approvalTexts.history(ofExtension.approved, ofExtension.refused, extension)]),
    ...(ofNumber === undefined ? [] : [approvalTexts.history(ofNumber.approved, ofNumber.refused)]),
  ];
  const about = [
    ...(from.length === 0 ? [] : [approvalTexts.from(from.join(' · '))]),
    ...(trunk === null ? [] : [approvalTexts.over(trunk)]),
    ...(facts?.cost == null ? [] : [costText(facts.cost)]),
    ...(isOpen ? [approvalTexts.waits(formatDuration(now - Date.parse(openedAt)))] : []),
    node,
  ];
  return (
    <div className="approval-facts">
      <div className="approval-head">
        <Verdict verdict="hold" />
        <h2 id={`name-${id}`} tabIndex={-1}>
          <strong>{approvalTexts.caller(extension, facts?.name ?? null)}</strong> {approvalTexts.wantsToCall}
        </h2>
      </div>
      <p className="approval-number mono">{formatPhone(destination)}</p>
      {where.length > 0 && <p>{where.join(' · ')}</p>}
      <p>{sentence(because)}</p>
      <p className="muted">{capital(about.join(' · '))}</p>
      {history.length > 0 && <p className="muted">{approvalTexts.week(history.join(' · '))}</p>}
      {approval.approversNeeded > 1 && <p>{approvalTexts.needsTwo(approval.approvedBy, approval.approversNeeded)}</p>}
      {isOpen && (
        <div className="approval-time">
          <Countdown approval={approval} withBar />
          <span className="muted">{approvalTexts.otherwise[otherwise]}</span>
        </div>
      )}
    </div>
  );
}

const MOST_GROUPS = 3;

type Cost = NonNullable<NonNullable<ApprovalReport['facts']>['cost']>;
const costText = ({ currency, perMinute, connection }: Cost): string => {
  const money = (amount: number): string =>
    new Intl.NumberFormat(undefined, { style: 'currency', currency, maximumFractionDigits: 4 }).format(amount);
  return approvalTexts.cost(money(perMinute), connection === 0 ? undefined : money(connection));
};

/**
 * What the call did then: an approval covers the rule that asked, and another may refuse all the same. The stream may tell of
 * it before the answer to the decision is there.
 */
function useAfter({ state, extension, destination, decidedAt }: ApprovalReport): string | undefined {
  const [call, setCall] = useState<LiveEvent['data']>();
  useLiveEvents(['call'], ({ type, data }) => {
    const isIt = type === 'call' && data['extension'] === extension && data['destination'] === destination;
    if (isIt && data['verdict'] !== 'hold') setCall(data);
  });
  if (call === undefined || state !== 'approved' || decidedAt === null) return undefined;
  if (Date.parse(String(call['at'])) < Date.parse(decidedAt)) return undefined;
  if (call['verdict'] !== 'block') return approvalTexts.outcome.goesOut;
  const why = sentence(String(call['reason'] ?? call['rule'] ?? ''));
  return `${approvalTexts.outcome.afterAll(why)} ${approvalTexts.outcome.afterAllHelp}`;
}
