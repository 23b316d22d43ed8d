/** A new user: name and roles; the password is made by chance and shown once. */
import { Button, Checkbox, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { ChangedUser } from '../../../api/users-routes.ts';
import type { Role } from '../../../people/roles.ts';
import { ApiError, api, newIdempotencyKey } from '../../api/client.ts';
import { useRefresh } from '../../api/queries.ts';
import { useAction } from '../../parts/action.ts';
import { SideDrawer, useDrawerOpener } from '../../parts/side-drawer.tsx';
import { ErrorText } from '../../parts/states.tsx';
import { say } from '../../parts/undo.tsx';
import { UnsavedGuard } from '../../parts/unsaved.tsx';
import { userTexts as texts } from '../../texts/users.ts';
import { ShownOnce } from './shown-once.tsx';

const ROLES: readonly Role[] = ['owner', 'operator', 'supervisor', 'viewer', 'billing'];

export function NewUserDrawer(): ReactNode {
  const [name, setName] = useState('');
  const [roles, setRoles] = useState<readonly Role[]>(['viewer']);
  const [made, setMade] = useState<ChangedUser>();
  const [key] = useState(newIdempotencyKey);
  const refresh = useRefresh();
  const open = useDrawerOpener();
  const { isRunning, error, run } = useAction();
  const problem = error instanceof ApiError ? error.problems.find(({ path }) => path === 'name') : undefined;
  const add = async (): Promise<void> => {
    await run(async () => {
      setMade(await api<ChangedUser>('POST', 'users', { body: { name, roles }, idempotencyKey: key }));
      say(texts.added(name));
      await refresh('users');
    });
  };
  return (
    <SideDrawer title={made === undefined ? texts.add : texts.passwordOf(made.name)} closesTo="/users">
      {made !== undefined ? (
        <ShownOnce
          says={texts.passwordOnce}
          label={texts.password}
          secret={made.password ?? ''}
          file={{ name: `${made.name}.txt`, text: `${location.origin}\n${made.name}\n${made.password ?? ''}\n` }}
          downloads={texts.download}
          stored={texts.stored}
          onStored={() => open(`/users/of/${encodeURIComponent(made.name)}`)}
        />
      ) : (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            if (name !== '' && roles.length > 0) void add();
          }}
        >
          <UnsavedGuard isDirty={name !== ''} />
          <TextInput
            label={texts.name}
            description={texts.nameHelp}
            error={problem?.message}
            value={name}
            data-autofocus
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            onChange={(event) => setName(event.currentTarget.value.trim())}
          />
          <RolesField roles={roles} onChange={setRoles} />
          {error !== undefined && problem === undefined && <ErrorText error={error} />}
          <div className="row end">
            <Button type="submit" variant="filled" loading={isRunning} disabled={name === '' || roles.length === 0}>
              {texts.add}
            </Button>
          </div>
        </form>
      )}
    </SideDrawer>
  );
}

/** Roles with what each means: nobody should have to look it up. */
export function RolesField({
  roles,
  onChange,
}: {
  readonly roles: readonly Role[];
  readonly onChange: (roles: readonly Role[]) => void;
}): ReactNode {
  return (
    <Checkbox.Group
      label={texts.role}
      description={texts.rolesHelp}
      error={roles.length === 0 ? texts.roleNeeded : undefined}
      value={[...roles]}
      onChange={(values) => onChange(ROLES.filter((each) => values.includes(each)))}
    >
      <div className="users-roles">
        {ROLES.map((each) => (
          <Checkbox key={each} value={each} label={texts.roles[each]} description={texts.roleMeans[each]} />
        ))}
      </div>
    </Checkbox.Group>
  );
}
