/** Groups and trunks: extensions as Asterisk and the policy have them, groups, trunks, destinations, campaigns. */
import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link, Outlet, useNavigate } from 'react-router';
import { useSession } from '../../api/session.tsx';
import { useKeys } from '../../frame/keys.tsx';
import { useAddressValue } from '../../parts/address-state.ts';
import { Screen } from '../../parts/screen.tsx';
import { Shown } from '../../parts/states.tsx';
import { TabLinks } from '../../parts/tab-links.tsx';
import { membersTexts as texts } from '../../texts/members.ts';
import { usePolicy } from '../rules/rule-data.ts';
import { Campaigns } from './campaigns.tsx';
import { Destinations } from './destinations.tsx';
import { Extensions } from './extensions.tsx';
import { Groups } from './groups.tsx';
import { isKind } from './member-data.ts';
import { Trunks } from './trunks.tsx';
import './members.css';

const TABS = Object.entries(texts.tabs).map(([name, label]) => ({ value: name === 'extensions' ? '' : name, label }));

export function MembersScreen(): ReactNode {
  const [tab] = useAddressValue('tab');
  const { may } = useSession();
  const navigate = useNavigate();
  const policy = usePolicy();
  const kind = tab === '' ? 'extensions' : tab;
  const addPath = isKind(kind) ? `/members/add/${kind}${tab === '' ? '' : `?tab=${tab}`}` : undefined;
  const mayAdd = may('policy:write') && addPath !== undefined;
  useKeys(
    [{ keys: 'n', says: texts.keys.add, run: () => void navigate(addPath ?? '', { state: { keepsFocus: true } }) }],
    mayAdd,
  );
  useKeys([
    {
      keys: 'e',
      says: texts.keys.edit,
      run: () => document.activeElement?.closest('tr[data-index]')?.querySelector<HTMLElement>('.row-opener')?.click(),
    },
  ]);
  const add = !isKind(kind) ? undefined : mayAdd ? (
    <Button component={Link} to={addPath} state={{ keepsFocus: true }} variant="filled">
      {texts.addOf[kind]}
    </Button>
  ) : (
    <Button disabled title={texts.mayNotWrite}>
      {texts.addOf[kind]}
    </Button>
  );
  return (
    <Screen title={texts.title} purpose={texts.purpose} actions={add}>
      <TabLinks name="tab" tabs={TABS} current={tab} panel="members-panel" />
      <div id="members-panel" className="stack">
        {kind === 'extensions' ? (
          <Extensions />
        ) : (
          <Shown found={policy} rows={8}>
            {({ document }) =>
              kind === 'groups' ? (
                <Groups document={document} />
              ) : kind === 'trunks' ? (
                <Trunks document={document} />
              ) : kind === 'destinations' ? (
                <Destinations document={document} />
              ) : (
                <Campaigns document={document} />
              )
            }
          </Shown>
        )}
      </div>
      <Outlet />
    </Screen>
  );
}
