/** One user: his roles, what he logs in with, and his log-ins, each of which can be ended. */
import { Button, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import type { ListedSession } from '../../../api/session-routes.ts';
import type { ChangedUser, ListedUser } from '../../../api/users-routes.ts';
import type { Role } from '../../../people/roles.ts';
import { ApiError, api } from '../../api/client.ts';
import { useMe } from '../../api/me.ts';
import { useApi, useRefresh, useTagged } from '../../api/queries.ts';
import { useAccount } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { ConfirmButton, TypedConfirm } from '../../parts/confirm.tsx';
import { formatActor } from '../../parts/format.ts';
import { SideDrawer } from '../../parts/side-drawer.tsx';
import { Empty, ErrorText, Failed, Loading, Shown } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/undo.tsx';
import { userTexts as texts } from '../../texts/users.ts';
import { RolesField } from './new-user-drawer.tsx';
import { ShownOnce } from './shown-once.tsx';

export function UserDrawer(): ReactNode {
  const { name = '' } = useParams();
  const found = useTagged<ListedUser>(`users/${encodeURIComponent(name)}`);
  const isGone = found.error instanceof ApiError && found.error.status === 404;
  return (
    <SideDrawer title={name} closesTo="/users">
      {isGone ? (
        <Empty>{texts.none(name)}</Empty>
      ) : found.data !== undefined ? (
        <UserParts user={found.data.body} etag={found.data.etag} />
      ) : found.error !== null ? (
        <Failed error={found.error} retry={() => void found.refetch()} />
      ) : (
        <Loading />
      )}
    </SideDrawer>
  );
}

interface Of {
  readonly user: ListedUser;
  readonly etag: string | undefined;
}

function UserParts({ user, etag }: Of): ReactNode {
  const { user: me } = useAccount();
  const [password, setPassword] = useState<string>();
  if (password !== undefined)
    return (
      <ShownOnce
        says={texts.passwordOnce}
        label={texts.passwordOf(user.name)}
        secret={password}
        file={{ name: `${user.name}.txt`, text: `${location.origin}\n${user.name}\n${password}\n` }}
        downloads={texts.download}
        stored={texts.stored}
        onStored={() => setPassword(undefined)}
      />
    );
  return (
    <div className="users-parts">
      <RolesPart key={user.roles.join()} user={user} etag={etag} />
      <ExtensionPart key={user.extension} user={user} etag={etag} />
      {user.name === me ? (
        <p>
          {texts.ownAccount} <Link to="/account">{texts.account}</Link>.
        </p>
      ) : (
        <LogInPart user={user} etag={etag} onPassword={setPassword} />
      )}
      <SessionsPart user={user} />
      <section>
        <dl className="facts">
          <dt>{texts.lastSeen}</dt>
          <dd>{user.lastSeenAt === null ? texts.never : <Time at={user.lastSeenAt} as="age" />}</dd>
          <dt>{texts.created}</dt>
          <dd>
            <Time at={user.createdAt} />, {formatActor(user.createdBy)}
          </dd>
        </dl>
      </section>
      {user.name !== me && <RemovePart user={user} />}
    </div>
  );
}

function useChange({ user, etag }: Of): (body: object) => Promise<ChangedUser> {
  const refresh = useRefresh();
  return async (body) => {
    const changed = await api<ChangedUser>('PATCH', `users/${encodeURIComponent(user.name)}`, { body, ifMatch: etag });
    await refresh('users');
    return changed;
  };
}

function RolesPart({ user, etag }: Of): ReactNode {
  const [roles, setRoles] = useState<readonly Role[]>(user.roles);
  const change = useChange({ user, etag });
  const isLast = useIsLastOwner(user);
  const named = texts.rolesOf(roles);
  return (
    <section className="stack">
      <RolesField roles={roles} onChange={setRoles} />
      {isLast && !roles.includes('owner') ? (
        <p className="muted">{texts.lastOwner}</p>
      ) : (
        roles.length > 0 &&
        roles.join() !== user.roles.join() && (
          <div>
            <ConfirmButton
              variant="filled"
              consequence={texts.roleChanges(user.name, user.sessions)}
              confirms={texts.changeRole(named)}
              onConfirm={async () => {
                await change({ roles });
                say(texts.roleChanged(user.name, named));
              }}
            >
              {texts.changeRole(named)}
            </ConfirmButton>
          </div>
        )
      )}
    </section>
  );
}

/** His own telephone: somebody else decides about its calls. */
function ExtensionPart({ user, etag }: Of): ReactNode {
  const had = user.extension ?? '';
  const [extension, setExtension] = useState(had);
  const change = useChange({ user, etag });
  const { isRunning, error, run } = useAction();
  const save = (): void =>
    void run(async () => {
      await change({ extension: extension === '' ? null : extension });
      say(texts.extensionSaved(user.name, extension));
    });
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <TextInput
        label={texts.extension}
        description={texts.extensionHelp}
        inputMode="numeric"
        maxLength={15}
        autoComplete="off"
        value={extension}
        onChange={(event) => setExtension(event.currentTarget.value.replaceAll(/\D/g, ''))}
      />
      {extension !== had && (
        <div>
          <Button type="submit" loading={isRunning}>
            {texts.saveExtension}
          </Button>
        </div>
      )}
      {error !== undefined && <ErrorText error={error} />}
    </form>
  );
}

function LogInPart({ user, etag, onPassword }: Of & { readonly onPassword: (password: string) => void }): ReactNode {
  const { name, enabled, secondFactor, sessions } = user;
  const change = useChange({ user, etag });
  const isLast = useIsLastOwner(user);
  const { isRunning, error, run } = useAction();
  return (
    <section>
      <dl className="facts users-facts">
        <dt>{texts.state}</dt>
        <dd>
          {enabled ? texts.on : texts.off}
          {enabled ? (
            <ConfirmButton
              size="compact-sm"
              disabled={isLast}
              title={isLast ? texts.lastOwner : undefined}
              consequence={texts.switchOffMeans(name, sessions)}
              confirms={texts.switchOff}
              onConfirm={async () => {
                await change({ enabled: false });
                say(texts.switchedOff(name), () => change({ enabled: true }));
              }}
            >
              {texts.switchOff}
            </ConfirmButton>
          ) : (
            <Button
              size="compact-sm"
              loading={isRunning}
              onClick={() =>
                void run(async () => {
                  await change({ enabled: true });
                  say(texts.switchedOn(name));
                })
              }
            >
              {texts.switchOn}
            </Button>
          )}
        </dd>
        <dt>{texts.password}</dt>
        <dd>
          <span>
            {texts.since} <Time at={user.passwordChangedAt} as="age" />
          </span>
          <ConfirmButton
            size="compact-sm"
            consequence={texts.newPasswordMeans(name, sessions)}
            confirms={texts.makePassword}
            onConfirm={async () => onPassword((await change({ newPassword: true })).password ?? '')}
          >
            {texts.newPassword}
          </ConfirmButton>
        </dd>
        <dt>{texts.factor}</dt>
        <dd>
          {secondFactor ? (
            <>
              <span>
                {texts.factorOn}, {texts.codesLeft(user.backupCodesLeft)}
              </span>
              <ConfirmButton
                size="compact-sm"
                consequence={texts.takeFactorMeans(name, sessions)}
                confirms={texts.takeFactor}
                onConfirm={async () => {
                  await change({ secondFactor: false });
                  say(texts.factorTaken(name));
                }}
              >
                {texts.takeFactor}
              </ConfirmButton>
            </>
          ) : (
            <span>
              <span className="users-weak">{texts.factorOff}</span>. {texts.factorHelp}
            </span>
          )}
        </dd>
      </dl>
      {error !== undefined && <ErrorText error={error} />}
    </section>
  );
}

function SessionsPart({ user }: { readonly user: ListedUser }): ReactNode {
  const path = `users/${encodeURIComponent(user.name)}/sessions`;
  const sessions = useApi<readonly ListedSession[]>(path, { everyMs: 15_000 });
  const refresh = useRefresh();
  const { isRunning, error, run } = useAction();
  return (
    <section>
      <h2>{texts.sessions}</h2>
      <Shown found={sessions} rows={2}>
        {(all) => (
          <>
            {all.length === 0 && <p className="muted">{texts.noSessions}</p>}
            <ul className="users-sessions">
              {all.map(({ id, address, agent, openedAt, seenAt }) => (
                <li key={id}>
                  <div>
                    <strong className="mono">{address}</strong>
                    <div className="muted">
                      {texts.since} <Time at={openedAt} /> · {texts.lastUsed} <Time at={seenAt} as="age" />
                    </div>
                    <div className="muted">{agent}</div>
                  </div>
                  <Button
                    size="compact-sm"
                    aria-label={`${texts.end} ${address}`}
                    loading={isRunning}
                    onClick={() =>
                      void run(async () => {
                        await api('DELETE', `${path}/${encodeURIComponent(id)}`);
                        say(texts.ended);
                        await refresh('users');
                      })
                    }
                  >
                    {texts.end}
                  </Button>
                </li>
              ))}
            </ul>
            {error !== undefined && <ErrorText error={error} />}
            {all.length > 1 && (
              <ConfirmButton
                consequence={texts.endAllMeans(all.length)}
                confirms={texts.endAll}
                onConfirm={async () => {
                  const { ended } = await api<{ readonly ended: number }>('DELETE', path);
                  say(texts.endedAll(ended));
                  await refresh('users');
                }}
              >
                {texts.endAll}
              </ConfirmButton>
            )}
          </>
        )}
      </Shown>
    </section>
  );
}

/** An owner is removed by typing his box's name: with him may go the only one who knows. */
function RemovePart({ user }: { readonly user: ListedUser }): ReactNode {
  const { name, roles, sessions } = user;
  const { data: me } = useMe();
  const [isAsking, setAsking] = useState(false);
  const isLast = useIsLastOwner(user);
  const refresh = useRefresh();
  const navigate = useNavigate();
  const remove = async (): Promise<void> => {
    await api('DELETE', `users/${encodeURIComponent(name)}`);
    say(texts.removed(name));
    await navigate('/users', { state: { keepsFocus: true } });
    await refresh('users');
  };
  if (isLast) return <p className="muted">{texts.lastOwner}</p>;
  if (!roles.includes('owner'))
    return (
      <div>
        <ConfirmButton
          color="danger"
          consequence={texts.removeMeans(name, sessions)}
          confirms={texts.remove}
          onConfirm={remove}
        >
          {texts.remove}
        </ConfirmButton>
      </div>
    );
  return (
    <div>
      <Button color="danger" onClick={() => setAsking(true)}>
        {texts.remove}
      </Button>
      {isAsking && me !== undefined && (
        <TypedConfirm
          title={texts.removeOwner(name)}
          name={me.node}
          confirms={texts.remove}
          onConfirm={remove}
          onClose={() => setAsking(false)}
        >
          <p>{texts.removeMeans(name, sessions)}</p>
        </TypedConfirm>
      )}
    </div>
  );
}

function useIsLastOwner({ name }: ListedUser): boolean {
  const { data: users } = useApi<readonly ListedUser[]>('users');
  const owners = (users ?? []).filter(({ roles, enabled }) => roles.includes('owner') && enabled);
  return owners.length === 1 && owners[0]?.name === name;
}
