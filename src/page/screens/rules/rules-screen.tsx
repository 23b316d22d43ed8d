/** Rules, headed Outbound Call Frequency: what is limited, for whom, how hard; templates; replay. */
import { Button, Menu } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { Link, Outlet, useNavigate } from 'react-router';
import type { RuleFile } from '../../../api/rule-overview-routes.ts';
import { api } from '../../api/client.ts';
import { useSession } from '../../api/session.tsx';
import { useKeys } from '../../frame/keys.tsx';
import { usePhone } from '../../frame/phone.ts';
import { useAddressValue } from '../../parts/address-state.ts';
import { ConfirmButton } from '../../parts/confirm.tsx';
import { Screen } from '../../parts/screen.tsx';
import { Shown } from '../../parts/states.tsx';
import { TabLinks } from '../../parts/tab-links.tsx';
import { sayProblem } from '../../parts/undo.tsx';
import { rulesTexts as texts } from '../../texts/rules.ts';
import { saveFile } from './file.ts';
import { Replay } from './replay.tsx';
import { usePolicy, useRuleActions, useRuleRows } from './rule-data.ts';
import { RulesList } from './rules-list.tsx';
import { Templates } from './templates.tsx';
import './rules.css';

const TABS = [
  { value: '', label: texts.tabs.rules },
  { value: 'templates', label: texts.tabs.templates },
  { value: 'replay', label: texts.tabs.replay },
] as const;

export function RulesScreen(): ReactNode {
  const [tab] = useAddressValue('tab');
  const policy = usePolicy();
  const rows = useRuleRows(policy.data);
  const [selected, select] = useState<ReadonlySet<string>>(new Set());
  const navigate = useNavigate();
  const { may } = useSession();
  useKeys([{ keys: 'n', says: texts.keys.add, run: () => void navigate('/rules/new') }], may('policy:write'));
  const isOff = policy.data !== undefined && rows.every(({ enabled, mode }) => !enabled || mode === 'shadow');
  return (
    <Screen
      title={texts.title}
      purpose={texts.purpose}
      actions={<Actions selected={selected} onDone={() => select(new Set())} />}
    >
      <TabLinks name="tab" tabs={TABS} current={tab} panel="rules-panel" />
      <div id="rules-panel" className="stack">
        {tab === 'templates' ? (
          <Templates />
        ) : tab === 'replay' ? (
          <Replay />
        ) : (
          <Shown found={policy} rows={8}>
            {() => (
              <>
                {isOff && rows.length > 0 && (
                  <p className="rules-warning" role="status">
                    {texts.allOff}
                  </p>
                )}
                <RulesList rows={rows} selected={selected} onSelect={select} />
              </>
            )}
          </Shown>
        )}
      </div>
      <Outlet />
    </Screen>
  );
}

function Actions({
  selected,
  onDone,
}: {
  readonly selected: ReadonlySet<string>;
  readonly onDone: () => void;
}): ReactNode {
  const { mayWrite, mayRemove, remove } = useRuleActions();
  const isPhone = usePhone();
  const chosen = [...selected];
  const exportAs = async (form: 'wide' | 'yeastar'): Promise<void> => {
    try {
      const { csv, lost } = await api<RuleFile>('GET', `policy/csv?form=${form}`);
      if (csv === null) sayProblem(`${lost.slice(0, 3).join('. ')}. ${texts.exportLost}`);
      else saveFile(form === 'wide' ? 'rules.csv' : 'rules-yeastar.csv', csv);
    } catch (error) {
      sayProblem(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <>
      <Button component={Link} to="/rules/try">
        {texts.try}
      </Button>
      {!isPhone && (
        <>
          <Button
            component={Link}
            to="/rules/import"
            data-disabled={!mayWrite || undefined}
            aria-disabled={!mayWrite}
            title={mayWrite ? undefined : texts.mayNotImport}
            onClick={(event) => {
              if (!mayWrite) event.preventDefault();
            }}
          >
            {texts.import}
          </Button>
          <Menu position="bottom-end" withinPortal={false}>
            <Menu.Target>
              <Button>{texts.export}</Button>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => void exportAs('wide')}>{texts.exportWide}</Menu.Item>
              <Menu.Item onClick={() => void exportAs('yeastar')}>{texts.exportYeastar}</Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </>
      )}
      {(chosen.length > 0 || !mayRemove) && !isPhone && (
        <ConfirmButton
          disabled={!mayRemove || chosen.length === 0}
          title={mayRemove ? undefined : texts.ownerDeletes}
          consequence={texts.removeMeans(chosen.length, '–').replace(/ In the last.*$/, '')}
          confirms={texts.removeMany(chosen.length)}
          onConfirm={async () => {
            await remove(chosen);
            onDone();
          }}
        >
          {texts.remove}
        </ConfirmButton>
      )}
      {mayWrite ? (
        <Button component={Link} to="/rules/new" variant="filled">
          {texts.add}
        </Button>
      ) : (
        <Button disabled title={texts.mayNotWrite}>
          {texts.add}
        </Button>
      )}
    </>
  );
}
