/** Allowed IPs: who is never blocked, and who is exempt from call limits because of it. */
import { Button, Switch } from '@mantine/core';
import { IconAlertTriangle, IconPlus } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { Link, Outlet, useNavigate } from 'react-router';
import type { ExemptReport } from '../../../api/exempt-routes.ts';
import { api } from '../../api/client.ts';
import { useMe } from '../../api/me.ts';
import { useApi, useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useKeys } from '../../frame/keys.tsx';
import { useAction } from '../../parts/action.ts';
import { Screen } from '../../parts/screen.tsx';
import { ErrorText } from '../../parts/states.tsx';
import { say } from '../../parts/undo.tsx';
import { allowedTexts as texts } from '../../texts/allowed.ts';
import { AllowedList } from './allowed-list.tsx';
import './allowed.css';

export function AllowedScreen(): ReactNode {
  const { may } = useSession();
  const navigate = useNavigate();
  const mayWrite = may('allowlist:write');
  const [round, setRound] = useState(0);
  const add = (): void => void navigate('/allowed-ips/new', { state: { keepsFocus: true } });
  useKeys([{ keys: 'n', says: texts.newKey, run: add }], mayWrite);
  return (
    <Screen
      title={texts.title}
      purpose={texts.purpose}
      actions={
        <span title={mayWrite ? undefined : texts.mayNot}>
          <Button
            variant="filled"
            leftSection={<IconPlus size={16} stroke={1.75} />}
            disabled={!mayWrite}
            onClick={add}
          >
            {texts.add}
          </Button>
        </span>
      }
    >
      <section className="allowed-head">
        <You />
        <Exemptions />
      </section>
      <AllowedList key={round} onChanged={() => setRound(round + 1)} />
      <Outlet />
    </Screen>
  );
}

function You(): ReactNode {
  const { may } = useSession();
  const { data: me } = useMe();
  if (me?.address == null) return null;
  const { address, allowedBy } = me;
  if (allowedBy !== null) return <p>{texts.youAllowed(address, allowedBy.name)}</p>;
  const query = new URLSearchParams({ value: address, name: texts.mine });
  return (
    <p className="row">
      {texts.youNot(address)}
      {may('allowlist:write') && (
        <Button size="compact-sm" component={Link} to={`/allowed-ips/new?${query}`} state={{ keepsFocus: true }}>
          {texts.addMine}
        </Button>
      )}
    </p>
  );
}

/** How many phones are not limited because of the list, and the switch that limits them all the same. */
function Exemptions(): ReactNode {
  const { may } = useSession();
  const refresh = useRefresh();
  const { isRunning, error, run } = useAction();
  const { data } = useApi<{ readonly exemptions: 'on' | 'off' }>('allowlist/exemptions');
  const found = useApi<readonly ExemptReport[]>('allowlist/exempt', { everyMs: 30_000 });
  if (data === undefined) return null;
  const isOn = data.exemptions === 'on';
  const maySwitch = may('allowlist:remove');
  const set = async (exemptions: 'on' | 'off'): Promise<void> => {
    await api('PUT', 'allowlist/exemptions', { body: { exemptions } });
    await refresh('allowlist', 'me');
  };
  const change = async (exemptions: 'on' | 'off'): Promise<void> => {
    await set(exemptions);
    say(texts.switched(exemptions), () => set(exemptions === 'on' ? 'off' : 'on'));
  };
  const extensions = new Set(found.data?.map(({ extension }) => extension)).size;
  return (
    <div className="allowed-exempt">
      <p>
        {isOn && extensions > 0 && (
          <>
            <IconAlertTriangle size={16} stroke={1.75} aria-hidden /> {texts.exemptNow(extensions)}{' '}
            <Link to="/allowed-ips/exempt" state={{ keepsFocus: true }}>
              {texts.seeThem}
            </Link>
          </>
        )}
        {isOn && found.error !== null && texts.notKnown}
        {isOn && found.data !== undefined && extensions === 0 && texts.exemptList.empty}
        {!isOn && texts.forAllOff}
      </p>
      <span title={maySwitch ? undefined : texts.ownerSwitch}>
        <Switch
          label={texts.forAll}
          checked={isOn}
          disabled={!maySwitch || isRunning}
          onChange={(event) => void run(() => change(event.currentTarget.checked ? 'on' : 'off'))}
        />
      </span>
      {error !== undefined && <ErrorText error={error} />}
    </div>
  );
}
