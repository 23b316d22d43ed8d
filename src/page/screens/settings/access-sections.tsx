/** From where page and API may be used, how they are reached, and how long a log-in lasts. */
import { Button, CloseButton, Switch, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import type { Status } from '../../../status.ts';
import { ApiError, api } from '../../api/client.ts';
import { useMe } from '../../api/me.ts';
import { useApi } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { sentence } from '../../parts/format.ts';
import { Shown } from '../../parts/states.tsx';
import { settingsTexts } from '../../texts/settings.ts';
import { State } from '../health/state.tsx';
import { DurationField, type PartForm, SettingsPart } from './settings-part.tsx';

interface AdminAccess {
  readonly allowFrom: readonly string[];
}

export function AdminAccessSection(): ReactNode {
  const [ranges, setRanges] = useState<readonly string[]>();
  const covers = useCovers(ranges);
  return (
    <SettingsPart part="adminAccess" isBlocked={() => covers === false}>
      {(form) => <AdminAccessFields form={form} covers={covers} onRanges={setRanges} />}
    </SettingsPart>
  );
}

/** Whether whoever looks could come back; the daemon says so, who would refuse it. */
function useCovers(ranges: readonly string[] | undefined): boolean | undefined {
  const { may } = useSession();
  const { data } = useQuery({
    queryKey: ['settings', 'covers', ranges],
    queryFn: async ({ signal }) => {
      try {
        const body = { adminAccess: { allowFrom: ranges } };
        await api('PATCH', 'settings?dryRun=true', { body, signal });
        return true;
      } catch (error) {
        // What is no network is told with its field.
        if (error instanceof ApiError && error.status === 409) return false;
        if (error instanceof ApiError && error.status === 400) return true;
        throw error;
      }
    },
    enabled: ranges !== undefined && ranges.length > 0 && may('settings:write'),
  });
  return data;
}

function AdminAccessFields({
  form,
  covers,
  onRanges,
}: {
  readonly form: PartForm<AdminAccess>;
  readonly covers: boolean | undefined;
  readonly onRanges: (ranges: readonly string[]) => void;
}): ReactNode {
  const texts = settingsTexts.adminAccess;
  const { value, set, problemOf, isReadOnly } = form;
  const { allowFrom } = value;
  const { data: me } = useMe();
  const [isOn, setOn] = useState(allowFrom.length > 0);
  const [typed, setTyped] = useState('');
  const address = me?.address ?? '';
  const change = (ranges: readonly string[]): void => {
    set({ allowFrom: ranges });
    onRanges(ranges);
  };
  const add = (range: string): void => {
    if (range !== '' && !allowFrom.includes(range)) change([...allowFrom, range]);
    setTyped('');
  };
  const isShown = isOn || allowFrom.length > 0;
  return (
    <>
      <Switch
        label={texts.switch}
        description={texts.switchHelp}
        checked={isShown}
        disabled={isReadOnly}
        onChange={(event) => {
          const { checked } = event.currentTarget;
          setOn(checked);
          // Never on without whoever switches it on.
          if (checked && address !== '') add(address);
          else change([]);
        }}
      />
      {!isShown && <p>{texts.none}</p>}
      {isShown && (
        <>
          <ul className="settings-ranges" aria-label={texts.list}>
            {allowFrom.map((range, at) => (
              <li key={range}>
                <span className="mono">{range}</span>
                {problemOf(`allowFrom[${at}]`) !== undefined && (
                  <span className="settings-wrong">{problemOf(`allowFrom[${at}]`)}</span>
                )}
                <CloseButton
                  aria-label={texts.remove(range)}
                  disabled={isReadOnly}
                  onClick={() => change(allowFrom.filter((each) => each !== range))}
                />
              </li>
            ))}
          </ul>
          {!isReadOnly && (
            <form
              className="settings-add"
              onSubmit={(event) => {
                event.preventDefault();
                add(typed.trim());
              }}
            >
              <TextInput
                label={texts.field}
                placeholder="203.0.113.0/24"
                value={typed}
                spellCheck={false}
                onChange={(event) => setTyped(event.currentTarget.value)}
              />
              <Button type="submit" disabled={typed.trim() === ''}>
                {texts.add}
              </Button>
            </form>
          )}
        </>
      )}
      {address !== '' && isShown && (
        <div className="row" role="status">
          {covers === false ? (
            <>
              <State isUp={false}>{texts.notCovered(address)}</State>
              <Button size="compact-sm" onClick={() => add(address)}>
                {texts.addMine(address)}
              </Button>
            </>
          ) : covers === true ? (
            <State isUp>{texts.covered(address)}</State>
          ) : (
            <span>{texts.youAre(address)}</span>
          )}
        </div>
      )}
      <p className="muted">{texts.wayBack}</p>
    </>
  );
}

export function SessionsSection(): ReactNode {
  const texts = settingsTexts.sessions;
  return (
    <SettingsPart part="sessions">
      {({ value, set, problemOf, isReadOnly }) => (
        <>
          <div className="settings-fields">
            <DurationField
              label={texts.idle}
              value={value.idle}
              help={texts.idleHelp}
              disabled={isReadOnly}
              error={problemOf('idle')}
              onChange={(idle) => set({ idle })}
            />
            <DurationField
              label={texts.lasts}
              value={value.lasts}
              help={texts.lastsHelp}
              disabled={isReadOnly}
              error={problemOf('lasts')}
              onChange={(lasts) => set({ lasts })}
            />
          </div>
          <p className="muted">{texts.help}</p>
        </>
      )}
    </SettingsPart>
  );
}

export function ApprovalsSection(): ReactNode {
  const texts = settingsTexts.approvals;
  return (
    <SettingsPart part="approvals">
      {({ value, set, isReadOnly }) => (
        <>
          <Switch
            label={texts.ownCalls}
            description={texts.ownCallsHelp}
            checked={value.ownCalls}
            disabled={isReadOnly}
            onChange={(event) => set({ ownCalls: event.currentTarget.checked })}
          />
          <p className="muted">{texts.help}</p>
        </>
      )}
    </SettingsPart>
  );
}

/** What stands in the file of the daemon is shown as it works out, and is changed there. */
export function AccessSection(): ReactNode {
  const texts = settingsTexts.access;
  const me = useMe();
  const { data: status } = useApi<Status>('status');
  const web = status?.parts.find(({ name }) => /web|http/i.test(name));
  const isSecure = location.protocol === 'https:';
  return (
    <Shown found={me}>
      {({ address, proxy }) => (
        <div className="stack">
          <dl className="facts">
            <dt>{texts.seenAs}</dt>
            <dd className="mono">{address ?? '–'}</dd>
            <dt>{texts.proxy}</dt>
            <dd className={proxy === null ? undefined : 'mono'}>{proxy ?? texts.noProxy}</dd>
            <dt>{texts.host}</dt>
            <dd className="mono">{location.host}</dd>
            <dt>{texts.secure}</dt>
            <dd>{isSecure ? texts.isSecure : texts.notSecure}</dd>
            {web !== undefined && (
              <>
                <dt>{texts.listens}</dt>
                <dd>{sentence(web.detail)}</dd>
              </>
            )}
          </dl>
          <p className="muted">{texts.help}</p>
        </div>
      )}
    </Shown>
  );
}
