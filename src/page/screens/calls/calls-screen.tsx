/** Calls: what was decided, what goes on now, what is alike, and what it costs. */
import { Button } from '@mantine/core';
import { IconDownload, IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import { type ReactNode, useId, useState } from 'react';
import { withQuery } from '../../api/client.ts';
import { useSession } from '../../api/session.tsx';
import { announce } from '../../frame/announcer.tsx';
import { useAddressFilters, useAddressValue } from '../../parts/address-state.ts';
import { Screen } from '../../parts/screen.tsx';
import { TabLinks } from '../../parts/tab-links.tsx';
import { callTexts } from '../../texts/calls.ts';
import { CALL_FILTERS } from './call-rows.ts';
import { CallTable } from './call-table.tsx';
import { CostTab } from './cost-tab.tsx';
import { PatternsTab } from './patterns-tab.tsx';
import { UnderWayTab } from './under-way-tab.tsx';
import './calls.css';

const TABS = ['', 'refused', 'under-way', 'patterns', 'cost'] as const;
type Tab = (typeof TABS)[number];
const LABELS: Readonly<Record<Tab, string>> = {
  '': callTexts.tabs.all,
  refused: callTexts.tabs.refused,
  'under-way': callTexts.tabs.underWay,
  patterns: callTexts.tabs.patterns,
  cost: callTexts.tabs.cost,
};

export function CallsScreen(): ReactNode {
  const { may } = useSession();
  const [chosen] = useAddressValue('tab');
  const [isPaused, setPaused] = useState(false);
  const id = useId();
  // Who may see what calls cost, and not who called whom, sees that alone.
  const tabs = TABS.filter((tab) => may(tab === 'cost' ? 'reports:read' : 'calls:read'));
  const tab = tabs.find((each) => each === chosen) ?? tabs[0] ?? '';
  const isList = tab === '' || tab === 'refused';
  const pause = (): void => {
    setPaused(!isPaused);
    announce(isPaused ? callTexts.goOn : callTexts.pause);
  };
  return (
    <Screen
      title={callTexts.title}
      purpose={callTexts.purpose}
      actions={isList && <Actions {...{ tab, isPaused, pause }} />}
    >
      <TabLinks name="tab" current={tab} panel={id} tabs={tabs.map((value) => ({ value, label: LABELS[value] }))} />
      <div id={id}>
        {isList && <CallTable key={tab} isRefused={tab === 'refused'} isPaused={isPaused} onPause={pause} />}
        {tab === 'under-way' && <UnderWayTab />}
        {tab === 'patterns' && <PatternsTab />}
        {tab === 'cost' && <CostTab />}
      </div>
    </Screen>
  );
}

function Actions({
  tab,
  isPaused,
  pause,
}: {
  readonly tab: Tab;
  readonly isPaused: boolean;
  readonly pause: () => void;
}): ReactNode {
  const { values } = useAddressFilters(CALL_FILTERS);
  const filters = tab === 'refused' ? { ...values, verdict: 'block' } : values;
  const Icon = isPaused ? IconPlayerPlay : IconPlayerPause;
  return (
    <>
      <Button leftSection={<Icon size={16} stroke={1.75} />} aria-pressed={isPaused} onClick={pause}>
        {isPaused ? callTexts.goOn : callTexts.pause}
      </Button>
      <Button
        component="a"
        href={`/api/v1/${withQuery('calls/csv', filters)}`}
        download="calls.csv"
        leftSection={<IconDownload size={16} stroke={1.75} />}
      >
        {callTexts.export}
      </Button>
    </>
  );
}
