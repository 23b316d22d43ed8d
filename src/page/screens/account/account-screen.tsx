/** One's own account: password, second factor, log-ins, and what this device prefers. */
import { Button, Radio, Switch } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { ListedSession, SessionReport } from '../../../api/session-routes.ts';
import { api } from '../../api/client.ts';
import { useMe } from '../../api/me.ts';
import { useApi, useRefresh } from '../../api/queries.ts';
import { useAccount, useSession } from '../../api/session.tsx';
import { useDeviceChoice } from '../../frame/device.ts';
import { KEYS_CHOICE } from '../../frame/keys.tsx';
import { ConfirmButton } from '../../parts/confirm.tsx';
import { Screen } from '../../parts/screen.tsx';
import { Shown } from '../../parts/states.tsx';
import { Time, ZONE_CHOICE } from '../../parts/time.tsx';
import { say } from '../../parts/undo.tsx';
import { accountTexts as texts } from '../../texts/account.ts';
import { BackupCodes } from './backup-codes.tsx';
import { PasswordForm } from './password-form.tsx';
import { ProofForm } from './proof-form.tsx';
import { SecondFactorSetup } from './second-factor-setup.tsx';
import './account.css';

export function AccountScreen(): ReactNode {
  return (
    <Screen title={texts.title} purpose={texts.purpose}>
      <div className="account-parts">
        <div className="stack">
          <PasswordPart />
          <DevicePart />
        </div>
        <div className="stack">
          <FactorPart />
          <SessionsPart />
        </div>
      </div>
    </Screen>
  );
}

function PasswordPart(): ReactNode {
  const { passwordChangedAt } = useAccount();
  return (
    <section className="panel">
      <h2>{texts.password}</h2>
      <p className="muted">
        {texts.passwordSince} <Time at={passwordChangedAt} as="age" />
      </p>
      <PasswordForm />
    </section>
  );
}

function FactorPart(): ReactNode {
  const { secondFactor, backupCodesLeft, roles } = useAccount();
  const isOwner = roles.includes('owner');
  const { take, askAgain } = useSession();
  const [doing, setDoing] = useState<'set up' | 'remove' | 'codes'>();
  const [codes, setCodes] = useState<readonly string[]>();
  const done = (): void => {
    setDoing(undefined);
    setCodes(undefined);
  };
  return (
    <section className="panel">
      <h2>{texts.factor}</h2>
      <p>{secondFactor ? `${texts.factorOn} ${texts.codesLeft(backupCodesLeft)}` : texts.factorOff}</p>
      {doing === undefined && (
        <div className="row account-form">
          <Button onClick={() => setDoing('set up')}>{secondFactor ? texts.factorAgain : texts.factorBegin}</Button>
          {secondFactor && <Button onClick={() => setDoing('codes')}>{texts.newCodes}</Button>}
          {secondFactor && (
            <Button
              color="danger"
              disabled={isOwner}
              title={isOwner ? texts.ownersNeed : undefined}
              onClick={() => setDoing('remove')}
            >
              {texts.factorRemove}
            </Button>
          )}
        </div>
      )}
      {doing === 'set up' && <SecondFactorSetup onDone={done} />}
      {doing === 'remove' && (
        <ProofForm
          consequence={texts.factorRemoveMeans}
          confirms={texts.factorRemove}
          isDanger
          onCancel={done}
          onProof={async (body) => {
            take(await api<SessionReport>('DELETE', 'session/totp', { body }));
            say(texts.factorRemoved);
            done();
          }}
        />
      )}
      {doing === 'codes' &&
        (codes === undefined ? (
          <ProofForm
            consequence={texts.newCodesMeans}
            confirms={texts.newCodes}
            onCancel={done}
            onProof={async (body) => {
              const answer = await api<{ backupCodes: string[] }>('POST', 'session/backup-codes', { body });
              setCodes(answer.backupCodes);
              askAgain();
            }}
          />
        ) : (
          <BackupCodes codes={codes} onStored={done} />
        ))}
    </section>
  );
}

type OwnSession = ListedSession & { readonly current: boolean };

function SessionsPart(): ReactNode {
  const sessions = useApi<readonly OwnSession[]>('sessions');
  const refresh = useRefresh();
  const end = async (ended: readonly OwnSession[]): Promise<void> => {
    for (const { id } of ended) await api('DELETE', `sessions/${id}`);
    await refresh('sessions');
    say(texts.ended);
  };
  return (
    <section className="panel">
      <h2>{texts.sessions}</h2>
      <Shown found={sessions} rows={3}>
        {(all) => {
          const others = all.filter(({ current }) => !current);
          return (
            <>
              <ul className="own-sessions">
                {all.map((session) => (
                  <li key={session.id}>
                    <div>
                      <strong className="mono">{session.address}</strong>{' '}
                      {session.current && <span className="muted">({texts.thisOne})</span>}
                      <div className="muted">{session.agent}</div>
                      <div className="muted">
                        {texts.opened} <Time at={session.openedAt} /> · {texts.seen}{' '}
                        <Time at={session.seenAt} as="age" />
                      </div>
                    </div>
                    {!session.current && (
                      <Button size="compact-sm" onClick={() => void end([session])}>
                        {texts.end}
                      </Button>
                    )}
                  </li>
                ))}
              </ul>
              {others.length > 0 && (
                <ConfirmButton
                  consequence={texts.endAllMeans(others.length)}
                  confirms={texts.endAll}
                  onConfirm={() => end(others)}
                >
                  {texts.endAll}
                </ConfirmButton>
              )}
            </>
          );
        }}
      </Shown>
    </section>
  );
}

function DevicePart(): ReactNode {
  const [zone, setZone] = useDeviceChoice(ZONE_CHOICE, '');
  const [keys, setKeys] = useDeviceChoice(KEYS_CHOICE, 'on');
  const { data: me } = useMe();
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zones = [
    { value: '', label: texts.zones.own(own) },
    ...(me === undefined ? [] : [{ value: me.zone, label: texts.zones.system(me.zone) }]),
    { value: 'UTC', label: 'UTC' },
  ];
  return (
    <section className="panel">
      <h2>{texts.device}</h2>
      <div className="stack">
        <Radio.Group label={texts.zone} value={zone} onChange={setZone}>
          <div className="device-zones">
            {zones
              .filter(({ value }, index) => zones.findIndex((each) => each.value === value) === index)
              .map(({ value, label }) => (
                <Radio key={value} value={value} label={label} />
              ))}
          </div>
        </Radio.Group>
        <Switch
          label={texts.keys}
          description={texts.keysHelp}
          checked={keys !== 'off'}
          onChange={(event) => setKeys(event.currentTarget.checked ? 'on' : 'off')}
        />
      </div>
    </section>
  );
}
