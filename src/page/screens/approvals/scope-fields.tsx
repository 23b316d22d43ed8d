/** For what a yes stands: this call, this number for a time, or more calls of the rule; and why. Folded up on a phone. */
import { NativeSelect, Radio, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { ApprovalReport } from '../../../approvals/approval.ts';
import type { GrantedFor } from '../../../approvals/grant.ts';
import { serverNow } from '../../api/server-clock.ts';
import { usePhone } from '../../frame/phone.ts';
import { formatMoment } from '../../parts/format.ts';
import { useZone } from '../../parts/time.tsx';
import { approvalTexts } from '../../texts/approvals.ts';
import type { Wish } from './decision.ts';

const MINUTES = [15, 30, 60, 240, 480, 1440];

export interface Scope {
  readonly wish: Omit<Wish, 'verb'>;
  readonly change: (changes: Partial<Omit<Wish, 'verb'>>) => void;
  readonly isOpen: boolean;
  readonly setOpen: (isOpen: boolean) => void;
  /** Unfolds the fields and goes to one of them. */
  readonly open: (card: HTMLElement | null, field: 'for' | 'reason') => void;
}

export function useScope({ id }: ApprovalReport): Scope {
  const [wish, setWish] = useState<Omit<Wish, 'verb'>>({ reason: '', for: 'call', minutes: 60, calls: undefined });
  const isPhone = usePhone();
  const [isUnfolded, setUnfolded] = useState<boolean>();
  return {
    wish,
    change: (changes) => setWish((before) => ({ ...before, ...changes })),
    isOpen: isUnfolded ?? !isPhone,
    setOpen: setUnfolded,
    open: (card, field) => {
      setUnfolded(true);
      requestAnimationFrame(() =>
        card
          ?.querySelector<HTMLElement>(field === 'for' ? `[name="for-${id}"]:checked` : `[name="reason-${id}"]`)
          ?.focus(),
      );
    },
  };
}

export function ScopeFields({
  approval,
  scope,
}: {
  readonly approval: ApprovalReport;
  readonly scope: Scope;
}): ReactNode {
  const { id, extension } = approval;
  const { wish, change } = scope;
  const zone = useZone();
  const until = formatMoment(serverNow() + wish.minutes * 60_000, serverNow(), zone).replace(/:\d\d$/, '');
  return (
    <details className="scope" open={scope.isOpen} onToggle={(event) => scope.setOpen(event.currentTarget.open)}>
      <summary>
        {labelOf(wish.for, extension)} · {approvalTexts.addReason}
      </summary>
      <div className="scope-fields">
        <fieldset>
          <legend>{approvalTexts.for}</legend>
          <div className="row">
            {(['call', 'number', 'limit'] as const)
              .filter((what) => what !== 'number' || extension !== null)
              .map((what) => (
                <Radio
                  key={what}
                  name={`for-${id}`}
                  label={labelOf(what, extension)}
                  checked={wish.for === what}
                  onChange={() => change({ for: what })}
                />
              ))}
          </div>
          {wish.for !== 'call' && (
            <div className="row scope-much">
              <NativeSelect
                label={approvalTexts.howLong}
                value={String(wish.minutes)}
                onChange={(event) => change({ minutes: Number(event.currentTarget.value) })}
                data={MINUTES.map((minutes) => ({ value: String(minutes), label: approvalTexts.minutes(minutes) }))}
              />
              {wish.for === 'limit' && (
                <TextInput
                  label={approvalTexts.howMany}
                  description={approvalTexts.howManyHelp}
                  inputMode="numeric"
                  value={wish.calls ?? ''}
                  onChange={(event) => change({ calls: callsIn(event.currentTarget.value) })}
                />
              )}
            </div>
          )}
        </fieldset>
        {wish.for === 'number' && <p>{approvalTexts.numberMeans(extension ?? '', until)}</p>}
        {wish.for === 'limit' && <LimitMeans facts={approval.facts} wish={wish} until={until} />}
        <TextInput
          name={`reason-${id}`}
          label={approvalTexts.reason}
          maxLength={200}
          autoComplete="off"
          value={wish.reason}
          onChange={(event) => change({ reason: event.currentTarget.value })}
        />
      </div>
    </details>
  );
}

/** The limit that there is, what comes on top of it, and what both come to. */
function LimitMeans({
  facts,
  wish: { minutes, calls },
  until,
}: {
  readonly facts: ApprovalReport['facts'];
  readonly wish: Scope['wish'];
  readonly until: string;
}): ReactNode {
  const raise = facts?.raises.find((each) => each.minutes === minutes);
  const more = calls ?? raise?.calls;
  const most = raise?.most == null || more === undefined ? undefined : raise.most - raise.calls + more;
  return (
    <p>
      {facts !== null && facts.limits.length > 0 && more !== undefined && (
        <>
          <strong>{approvalTexts.limitNow(facts.limits.join(', '), more)}</strong>.{' '}
        </>
      )}
      {approvalTexts.limitMeans(more, until)} {most !== undefined && approvalTexts.limitMost(most)}
    </p>
  );
}

const labelOf = (what: GrantedFor, extension: string | null): string => {
  switch (what) {
    case 'call':
      return approvalTexts.forCall;
    case 'number':
      return approvalTexts.forNumber(extension ?? '');
    case 'limit':
      return approvalTexts.forLimit;
    default:
      return what satisfies never;
  }
};

function callsIn(text: string): number | undefined {
  const calls = Number.parseInt(text.replaceAll(/\D/g, ''), 10);
  return Number.isFinite(calls) && calls > 0 ? Math.min(1000, calls) : undefined;
}
