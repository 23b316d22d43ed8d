/** The calls that wait: one in full, the others as lines. Nothing moves under a finger, and nothing opens by itself. */
import {
  lazy,
  type ReactNode,
  Suspense,
  useCallback,
  useEffect,
  useEffectEvent,
  useReducer,
  useRef,
  useState,
} from 'react';
import type { ApprovalReport } from '../../../approvals/approval.ts';
import { api } from '../../api/client.ts';
import { useLiveEvents } from '../../api/live.tsx';
import { Empty, Failed, Loading } from '../../parts/states.tsx';
import { approvalTexts } from '../../texts/approvals.ts';
import { ApprovalCard } from './approval-card.tsx';
import { ApprovalLine } from './approval-line.tsx';
import { changeCards, gone, NO_CARDS } from './cards.ts';
import { useStillness } from './stillness.ts';
import { useWaiting } from './waiting.ts';

const RefuseAll = lazy(async () => ({ default: (await import('./refuse-all.tsx')).RefuseAll }));

export function WaitingList(): ReactNode {
  const { approvals, isLoading, error, refetch } = useWaiting();
  const [cards, dispatch] = useReducer(changeCards, NO_CARDS);
  const list = useRef<HTMLDivElement>(null);
  const { isFrozen, mayPress } = useStillness(list);
  const isChecking = useReturn(refetch);

  const tell = useCallback(
    (approval: ApprovalReport) => dispatch({ what: 'told', approval, isFrozen: isFrozen() }),
    [isFrozen],
  );
  useLiveEvents(['approval'], ({ type, data }) => {
    if (type === 'approval' && typeof data['id'] === 'string') tell(data as unknown as ApprovalReport);
  });
  // The list may know more than the stream told: what is no longer in it has been settled.
  const lookUp = useEffectEvent((waiting: readonly ApprovalReport[]) => {
    for (const id of gone(cards, waiting))
      void api<ApprovalReport>('GET', `approvals/${id}`).then(tell, () => undefined);
  });
  useEffect(() => {
    dispatch({ what: 'waiting', approvals, isFrozen: isFrozen() });
    lookUp(approvals);
  }, [approvals, isFrozen]);

  const focusCard = (id: string): void => {
    requestAnimationFrame(() => {
      const card = list.current?.querySelector<HTMLElement>(`#card-${CSS.escape(id)}`);
      card?.querySelector('h2')?.focus({ preventScroll: true });
      // On a phone the buttons would lie over what comes before them.
      card?.scrollIntoView({ block: 'nearest' });
    });
  };
  const review = (id: string): void => {
    if (!mayPress(id)) return;
    const { active } = cards;
    if (active !== undefined && cards.byId[active]?.state !== 'open') dispatch({ what: 'dismiss', id: active });
    dispatch({ what: 'review', id });
    focusCard(id);
  };
  const dismiss = (id: string): void => {
    const next = cards.order.find((each) => each !== id && cards.byId[each]?.state === 'open');
    dispatch({ what: 'dismiss', id });
    if (next !== undefined) focusCard(next);
  };

  if (error !== null && cards.order.length === 0) return <Failed error={error} retry={() => void refetch()} />;
  if (isLoading && cards.order.length === 0) return <Loading rows={3} height={80} />;
  if (cards.order.length === 0)
    return (
      <Empty>
        <strong>{approvalTexts.none}</strong>
        <br />
        {approvalTexts.noneHelp}
      </Empty>
    );
  const next = cards.order
    .map((id) => cards.byId[id])
    .find((each) => each?.state === 'open' && each.id !== cards.active);
  return (
    <div ref={list} className="approvals">
      {cards.order.map((id) => {
        const approval = cards.byId[id];
        if (approval === undefined) return null;
        return id === cards.active ? (
          <ApprovalCard
            key={id}
            approval={approval}
            next={next}
            isChecking={isChecking}
            mayPress={() => mayPress(id)}
            onKnown={tell}
            onNext={() => (next === undefined ? dismiss(id) : review(next.id))}
            onDismiss={() => dismiss(id)}
          />
        ) : (
          <ApprovalLine key={id} approval={approval} onReview={() => review(id)} onDismiss={() => dismiss(id)} />
        );
      })}
      <Suspense fallback={null}>{approvals.length > 2 && <RefuseAll approvals={approvals} onKnown={tell} />}</Suspense>
    </div>
  );
}

/** Back from the background, where phones stop pages: what is shown has to be looked at again before it is decided on. */
function useReturn(refetch: () => Promise<unknown>): boolean {
  const [isChecking, setChecking] = useState(false);
  const check = useEffectEvent(() => {
    if (document.hidden) return;
    setChecking(true);
    void refetch().finally(() => setChecking(false));
  });
  useEffect(() => {
    const onChange = (): void => check();
    document.addEventListener('visibilitychange', onChange);
    return () => document.removeEventListener('visibilitychange', onChange);
  }, []);
  return isChecking;
}
