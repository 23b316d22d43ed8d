/** Blocked IPs: who is kept out now, what became of earlier blocks, and what the packet filter dropped. */
import { Button } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { type ReactNode, useId, useState } from 'react';
import { Outlet } from 'react-router';
import type { BansPage } from '../../../api/bans-routes.ts';
import { useApi } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useKeys } from '../../frame/keys.tsx';
import { useAddressValue } from '../../parts/address-state.ts';
import { formatCount } from '../../parts/format.ts';
import { Screen } from '../../parts/screen.tsx';
import { TabLinks } from '../../parts/tab-links.tsx';
import { blockedTexts as texts } from '../../texts/blocked.ts';
import { BlockDialog } from './block-dialog.tsx';
import { BlockedNow } from './blocked-now.tsx';
import { CountersTab } from './counters-tab.tsx';
import { HistoryTab } from './history-tab.tsx';
import { UnblockContext } from './unblock-context.ts';
import { UnblockDialog, type Wanted } from './unblock-dialog.tsx';
import './blocked.css';

export function BlockedScreen(): ReactNode {
  const { may } = useSession();
  const [chosen] = useAddressValue('tab');
  const tab = chosen === 'history' || chosen === 'counters' ? chosen : '';
  const [isBlocking, setBlocking] = useAddressValue('block');
  const [wanted, setWanted] = useState<Wanted>();
  /** So that what was selected is forgotten when it was unblocked. */
  const [round, setRound] = useState(0);
  const { data } = useApi<BansPage>('bans?limit=1');
  const id = useId();
  const mayBlock = may('bans:write');
  useKeys([{ keys: 'n', says: texts.blockOne, run: () => setBlocking('new') }], mayBlock);
  const close = (): void => setWanted(undefined);
  return (
    <UnblockContext value={setWanted}>
      <Screen
        title={texts.title}
        purpose={texts.purpose}
        actions={
          <span title={mayBlock ? undefined : texts.mayNot}>
            <Button
              leftSection={<IconPlus size={16} stroke={1.75} />}
              disabled={!mayBlock}
              onClick={() => setBlocking('new')}
            >
              {texts.blockOne}
            </Button>
          </span>
        }
      >
        <TabLinks
          name="tab"
          current={tab}
          panel={id}
          tabs={[
            {
              value: '',
              label: (
                <>
                  {texts.tabs.now} <span className="number">{data === undefined ? '' : formatCount(data.total)}</span>
                </>
              ),
            },
            { value: 'history', label: texts.tabs.history },
            { value: 'counters', label: texts.tabs.counters },
          ]}
        />
        <div id={id}>
          {tab === '' && <BlockedNow key={round} />}
          {tab === 'history' && <HistoryTab />}
          {tab === 'counters' && <CountersTab />}
        </div>
        <Outlet />
        {isBlocking !== '' && mayBlock && (
          <BlockDialog address={isBlocking === 'new' ? '' : isBlocking} onClose={() => setBlocking('')} />
        )}
        {wanted !== undefined && (
          <UnblockDialog
            wanted={wanted}
            onClose={close}
            onDone={() => {
              close();
              setRound(round + 1);
            }}
          />
        )}
      </Screen>
    </UnblockContext>
  );
}
