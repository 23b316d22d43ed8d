/** An API key: made with what it needs and no more, shown once, removed. */
import { Button, Checkbox, NativeSelect, Textarea, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useNavigate, useParams } from 'react-router';
import type { AddedKey, ListedKey } from '../../../api/keys-routes.ts';
import type { Permission } from '../../../people/roles.ts';
import { ApiError, api, newIdempotencyKey } from '../../api/client.ts';
import { useApi, useRefresh } from '../../api/queries.ts';
import { useAction } from '../../parts/action.ts';
import { ConfirmButton } from '../../parts/confirm.tsx';
import { formatActor } from '../../parts/format.ts';
import { SideDrawer } from '../../parts/side-drawer.tsx';
import { Empty, ErrorText, Shown } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/undo.tsx';
import { UnsavedGuard } from '../../parts/unsaved.tsx';
import { keyTexts as texts } from '../../texts/users.ts';
import { Expiry, fromOf } from './key-table.tsx';
import { ShownOnce } from './shown-once.tsx';

/** What no key may: users and keys themselves. */
const NOT_FOR_KEYS: readonly string[] = ['own', 'audit:own', 'users:manage', 'keys:manage'];
const SCOPES = Object.entries(texts.may).filter(([scope]) => !NOT_FOR_KEYS.includes(scope));
const THREE_MONTHS = '7776000';

export function NewKeyDrawer(): ReactNode {
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<string[]>([]);
  const [addresses, setAddresses] = useState('');
  const [lasts, setLasts] = useState(THREE_MONTHS);
  const [made, setMade] = useState<AddedKey>();
  const [once] = useState(newIdempotencyKey);
  const refresh = useRefresh();
  const navigate = useNavigate();
  const { isRunning, error, run } = useAction();
  const problemOf = (field: string): string | undefined =>
    error instanceof ApiError ? error.problems.find(({ path }) => path.startsWith(field))?.message : undefined;
  const hasField = ['name', 'scopes', 'allowFrom'].some((field) => problemOf(field) !== undefined);
  const add = async (): Promise<void> => {
    const allowFrom = addresses.split(/[\s,]+/).filter((text) => text !== '');
    const expiry = lasts === '' ? {} : { expiresInSeconds: Number(lasts) };
    await run(async () => {
      const body = { name, scopes, allowFrom, ...expiry };
      setMade(await api<AddedKey>('POST', 'keys', { body, idempotencyKey: once }));
      say(texts.made(name));
      await refresh('keys');
    });
  };
  return (
    <SideDrawer title={made === undefined ? texts.add : made.name} closesTo="/users">
      {made !== undefined ? (
        <ShownOnce
          says={texts.once}
          label={made.name}
          secret={made.key}
          file={{ name: `${made.name}.txt`, text: `${made.key}\n` }}
          downloads={texts.download}
          stored={texts.stored}
          onStored={() => void navigate('/users?tab=keys', { state: { keepsFocus: true } })}
        >
          <p className="muted">{texts.usedAs}</p>
          <code className="users-header">Authorization: Bearer {made.key.slice(0, 21)}…</code>
        </ShownOnce>
      ) : (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            if (name !== '' && scopes.length > 0) void add();
          }}
        >
          <UnsavedGuard isDirty={name !== '' || scopes.length > 0} />
          <TextInput
            label={texts.name}
            description={texts.nameHelp}
            error={problemOf('name')}
            value={name}
            data-autofocus
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            onChange={(event) => setName(event.currentTarget.value.trim())}
          />
          <NativeSelect
            label={texts.expiresAfter}
            value={lasts}
            data={texts.lasts.map(([value, label]) => ({ value, label }))}
            onChange={(event) => setLasts(event.currentTarget.value)}
          />
          <Textarea
            label={texts.addresses}
            description={texts.addressesHelp}
            error={problemOf('allowFrom')}
            value={addresses}
            rows={2}
            spellCheck={false}
            onChange={(event) => setAddresses(event.currentTarget.value)}
          />
          <Checkbox.Group
            label={texts.scopes}
            description={texts.scopesHelp}
            error={problemOf('scopes')}
            value={scopes}
            onChange={setScopes}
          >
            <div className="users-scopes">
              {SCOPES.map(([scope, means]) => (
                <Checkbox key={scope} value={scope} label={means} description={<code>{scope}</code>} />
              ))}
            </div>
          </Checkbox.Group>
          {error !== undefined && !hasField && <ErrorText error={error} />}
          <div className="row end">
            <Button type="submit" variant="filled" loading={isRunning} disabled={name === '' || scopes.length === 0}>
              {texts.add}
            </Button>
          </div>
        </form>
      )}
    </SideDrawer>
  );
}

const meansOf = (scope: Permission): string => texts.may[scope];

export function KeyDrawer(): ReactNode {
  const { id = '' } = useParams();
  const keys = useApi<readonly ListedKey[]>('keys');
  const refresh = useRefresh();
  const navigate = useNavigate();
  const key = keys.data?.find((each) => each.id === id);
  return (
    <SideDrawer title={key?.name ?? texts.list} closesTo="/users">
      <Shown found={keys}>
        {() =>
          key === undefined ? (
            <Empty>{texts.none}</Empty>
          ) : (
            <div className="users-parts">
              <dl className="facts">
                <dt>{texts.scopes}</dt>
                <dd>
                  <ul>
                    {key.scopes.map((scope) => (
                      <li key={scope}>
                        {meansOf(scope)} <code className="muted">{scope}</code>
                      </li>
                    ))}
                  </ul>
                </dd>
                <dt>{texts.addresses}</dt>
                <dd className="mono">{fromOf(key)}</dd>
                <dt>{texts.lastUsed}</dt>
                <dd>{key.lastUsedAt === null ? texts.never : <Time at={key.lastUsedAt} as="age" />}</dd>
                <dt>{texts.expires}</dt>
                <dd>
                  <Expiry at={key.expiresAt} />
                </dd>
                <dt>{texts.created}</dt>
                <dd>
                  <Time at={key.createdAt} />, {formatActor(key.createdBy)}
                </dd>
                <dt>{texts.id}</dt>
                <dd className="mono">{key.id}</dd>
              </dl>
              <div>
                <ConfirmButton
                  color="danger"
                  consequence={texts.removeMeans(key.name)}
                  confirms={texts.remove}
                  onConfirm={async () => {
                    await api('DELETE', `keys/${key.id}`);
                    say(texts.removed(key.name));
                    await navigate('/users?tab=keys', { state: { keepsFocus: true } });
                    await refresh('keys');
                  }}
                >
                  {texts.remove}
                </ConfirmButton>
              </div>
            </div>
          )
        }
      </Shown>
    </SideDrawer>
  );
}
