/** Approvals: who is waiting for me, and what was decided. */
import { lazy, type ReactNode, Suspense, useId } from 'react';
import { useAddressValue } from '../../parts/address-state.ts';
import { Screen } from '../../parts/screen.tsx';
import { TabLinks } from '../../parts/tab-links.tsx';
import { approvalTexts } from '../../texts/approvals.ts';
import { useWaiting } from './waiting.ts';
import { WaitingList } from './waiting-list.tsx';
import './approvals.css';

// A call is waiting: what it takes to decide comes first.
const DecidedList = lazy(async () => ({ default: (await import('./decided-list.tsx')).DecidedList }));
const SoundMenu = lazy(async () => ({ default: (await import('./sound-menu.tsx')).SoundMenu }));

export function ApprovalsScreen(): ReactNode {
  const [tab] = useAddressValue('tab');
  const { count } = useWaiting();
  const id = useId();
  const isDecided = tab === 'decided';
  return (
    <Screen
      title={approvalTexts.title}
      purpose={approvalTexts.purpose}
      actions={
        <Suspense fallback={null}>
          <SoundMenu />
        </Suspense>
      }
    >
      <TabLinks
        name="tab"
        current={isDecided ? 'decided' : ''}
        panel={id}
        tabs={[
          { value: '', label: approvalTexts.waiting(count) },
          { value: 'decided', label: approvalTexts.decided },
        ]}
      />
      <div id={id}>
        <Suspense fallback={null}>{isDecided ? <DecidedList /> : <WaitingList />}</Suspense>
      </div>
    </Screen>
  );
}
