/**
 * What calls for attention when a call waits, on whatever screen somebody is: tab, sound, notification, screen reader.
 *
 * Also where the stream's word about an approval becomes what the page shows, at once and without asking again.
 */
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect, useEffectEvent, useRef } from 'react';
import type { ApprovalReport } from '../../../approvals/approval.ts';
import { useLiveEvents } from '../../api/live.tsx';
import { serverNow } from '../../api/server-clock.ts';
import { announce } from '../../frame/announcer.tsx';
import { useDeviceChoice } from '../../frame/device.ts';
import { setTabWaiting } from '../../frame/tab-title.ts';
import { formatPhone } from '../../parts/format.ts';
import { approvalTexts } from '../../texts/approvals.ts';
import { type RingTurn, takeTurns } from './ring-turn.ts';
import { isSoundUnlocked, ring, unlockSound } from './sound.ts';
import { OPEN_PATH, useWaiting } from './waiting.ts';

export const SOUND_CHOICE = 'sound';
export const NOTIFY_CHOICE = 'notify';

const RING_EVERY_MS = 5000;
const RINGS = 3;
const MANY_WITHIN_MS = 10_000;
const MANY = 3;
const WARN_AT_SECONDS = [30, 10];

export function ApprovalWatch(): ReactNode {
  const { approvals, count } = useWaiting();
  const queries = useQueryClient();
  useLiveEvents(['approval'], ({ type, data }) => {
    if (type !== 'approval' || typeof data['id'] !== 'string') return;
    const told = data as unknown as ApprovalReport;
    queries.setQueryData<readonly ApprovalReport[]>(['approvals', OPEN_PATH], (before = []) => {
      const others = before.filter(({ id }) => id !== told.id);
      return told.state === 'open' ? [...others, told] : others;
    });
  });
  useEffect(() => {
    setTabWaiting(count);
    return () => setTabWaiting(0);
  }, [count]);
  useCalledOut(approvals);
  useRinging(approvals);
  return null;
}

/** Each new one once, assertively; what is left of its time politely. */
function useCalledOut(approvals: readonly ApprovalReport[]): void {
  const known = useRef<ReadonlySet<string>>(undefined);
  const calledAt = useRef<readonly number[]>([]);
  const warned = useRef(new Set<string>());
  const [wantsNotes] = useDeviceChoice(NOTIFY_CHOICE, 'off');

  const callOut = useEffectEvent((fresh: readonly ApprovalReport[]) => {
    const now = Date.now();
    calledAt.current = [...calledAt.current.filter((at) => at > now - MANY_WITHIN_MS), ...fresh.map(() => now)];
    const [first] = fresh;
    if (first === undefined) return;
    const seconds = Math.max(0, Math.round((Date.parse(first.expiresAt) - serverNow()) / 1000));
    const where = first.destinationIs === '' ? formatPhone(first.destination) : first.destinationIs;
    announce(
      calledAt.current.length > MANY
        ? approvalTexts.calledMany(approvals.length)
        : fresh.length > 1
          ? approvalTexts.calledMany(fresh.length)
          : approvalTexts.called(first.extension, where, seconds),
      'assertive',
    );
    if (wantsNotes === 'on' && document.hidden) notify(first);
    if (!document.hidden) navigator.vibrate?.([120, 80, 120]);
  });
  useEffect(() => {
    const before = known.current;
    known.current = new Set(approvals.map(({ id }) => id));
    callOut(approvals.filter(({ id }) => before?.has(id) !== true));
  }, [approvals]);

  const warn = useEffectEvent(() => {
    for (const { id, extension, expiresAt } of approvals) {
      const left = (Date.parse(expiresAt) - serverNow()) / 1000;
      for (const seconds of WARN_AT_SECONDS) {
        const name = `${id} ${seconds}`;
        if (left > seconds || left < seconds - 2 || warned.current.has(name)) continue;
        warned.current.add(name);
        announce(approvalTexts.left(extension, seconds));
      }
    }
  });
  const isAny = approvals.length > 0;
  useEffect(() => {
    if (!isAny) return;
    const timer = setInterval(warn, 1000);
    return () => clearInterval(timer);
  }, [isAny]);
}

function notify({ id, extension, destination, destinationIs }: ApprovalReport): void {
  try {
    const title = approvalTexts.notification(extension, formatPhone(destination));
    const note = new Notification(title, { body: destinationIs, tag: id });
    note.addEventListener('click', () => {
      window.focus();
      note.close();
    });
  } catch {
    // Phones offer this to installed pages alone.
  }
}

/** Every five seconds, three times for each, until the first touch or key; in one tab of the browser. */
function useRinging(approvals: readonly ApprovalReport[]): void {
  const [sound] = useDeviceChoice(SOUND_CHOICE, 'off');
  const rings = useRef(new Map<string, number>());
  const turn = useRef<RingTurn>(undefined);
  const tick = useEffectEvent(() => {
    const due = approvals.filter(({ id }) => (rings.current.get(id) ?? 0) < RINGS);
    if (due.length === 0 || !isSoundUnlocked() || turn.current?.isMine() !== true) return;
    for (const { id } of due) rings.current.set(id, (rings.current.get(id) ?? 0) + 1);
    ring();
  });
  const quiet = useEffectEvent(() => {
    const ids = approvals.map(({ id }) => id);
    for (const id of ids) rings.current.set(id, RINGS);
    turn.current?.quiet(ids);
    void unlockSound().then((isUnlocked) => isUnlocked && turn.current?.isMine());
  });
  useEffect(() => {
    if (sound !== 'on') return;
    const taken = takeTurns((ids) => {
      for (const id of ids) rings.current.set(id, RINGS);
    });
    turn.current = taken;
    if (isSoundUnlocked()) taken.isMine();
    return () => taken.close();
  }, [sound]);
  const ids = approvals.map(({ id }) => id).join(' ');
  useEffect(() => {
    if (sound !== 'on' || ids === '') return;
    tick();
    const timer = setInterval(tick, RING_EVERY_MS);
    return () => clearInterval(timer);
  }, [sound, ids]);
  useEffect(() => {
    if (sound !== 'on') return;
    const onTouch = (): void => quiet();
    addEventListener('pointerdown', onTouch, { passive: true });
    addEventListener('keydown', onTouch);
    return () => {
      removeEventListener('pointerdown', onTouch);
      removeEventListener('keydown', onTouch);
    };
  }, [sound]);
}
