/** Alerts: what happened and who answered; who is next; channels; and what each of them is told. */
import { type ReactNode, useId } from 'react';
import { Outlet } from 'react-router';
import type { ListedAlert } from '../../../api/alerts-routes.ts';
import { useApi } from '../../api/queries.ts';
import { useAddressValue } from '../../parts/address-state.ts';
import { Screen } from '../../parts/screen.tsx';
import { TabLinks } from '../../parts/tab-links.tsx';
import { alertTexts as texts } from '../../texts/alerts.ts';
import { ChannelsTab } from './channels-tab.tsx';
import { InboxTab } from './inbox-tab.tsx';
import { OnCallTab, WhatTab } from './plan-tabs.tsx';
import './alerts.css';

const TABS = ['', 'on-call', 'channels', 'what'] as const;

export function AlertsScreen(): ReactNode {
  const [chosen] = useAddressValue('tab');
  const tab = TABS.find((each) => each === chosen) ?? '';
  const { data } = useApi<readonly ListedAlert[]>('alerts');
  const open = (data ?? []).filter(({ state }) => state === 'open').length;
  const id = useId();
  const labels = {
    '': open === 0 ? texts.tabs.inbox : `${texts.tabs.inbox} ${open}`,
    'on-call': texts.tabs.onCall,
    channels: texts.tabs.channels,
    what: texts.tabs.what,
  };
  return (
    <Screen title={texts.title} purpose={texts.purpose}>
      <TabLinks name="tab" current={tab} panel={id} tabs={TABS.map((value) => ({ value, label: labels[value] }))} />
      <div id={id}>
        {tab === '' && <InboxTab />}
        {tab === 'on-call' && <OnCallTab />}
        {tab === 'channels' && <ChannelsTab />}
        {tab === 'what' && <WhatTab />}
      </div>
      <Outlet />
    </Screen>
  );
}
