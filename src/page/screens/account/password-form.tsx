/** Another password: typed, or made by chance, shown once and typed again. */
import { Button, PasswordInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { SessionReport } from '../../../api/session-routes.ts';
import { ApiError, api } from '../../api/client.ts';
import { useAccount, useSession } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { Copyable } from '../../parts/copy-button.tsx';
import { ErrorText } from '../../parts/states.tsx';
import { say } from '../../parts/undo.tsx';
import { accountTexts as texts } from '../../texts/account.ts';
import { download, passwordByChance } from './chance.ts';

export function PasswordForm({ onDone }: { readonly onDone?: (password: string) => void }): ReactNode {
  const { user } = useAccount();
  const { take } = useSession();
  const [now, setNow] = useState('');
  const [wanted, setWanted] = useState('');
  const [again, setAgain] = useState('');
  const [made, setMade] = useState<string>();
  const { isRunning, error, run } = useAction();
  const differs = again !== '' && again !== wanted;
  const fieldProblem =
    error instanceof ApiError ? error.problems.find(({ path }) => path === 'newPassword') : undefined;
  const save = async (): Promise<void> => {
    const isDone = await run(async () =>
      take(await api<SessionReport>('PUT', 'session/password', { body: { password: now, newPassword: wanted } })),
    );
    if (!isDone) return;
    say(texts.passwordChanged);
    onDone?.(wanted);
    for (const clear of [setNow, setWanted, setAgain]) clear('');
    setMade(undefined);
  };
  const make = (): void => {
    const password = passwordByChance();
    setMade(password);
    setWanted(password);
    setAgain('');
  };
  return (
    <form
      className="stack account-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (wanted === again && wanted !== '') void save();
      }}
    >
      <input type="text" autoComplete="username" value={user} readOnly hidden />
      <PasswordInput
        label={texts.passwordNow}
        autoComplete="current-password"
        value={now}
        onChange={(event) => setNow(event.currentTarget.value)}
      />
      {made === undefined ? (
        <PasswordInput
          label={texts.passwordNew}
          description={texts.passwordRule}
          error={fieldProblem?.message}
          autoComplete="new-password"
          value={wanted}
          onChange={(event) => setWanted(event.currentTarget.value)}
        />
      ) : (
        <div>
          <p>{texts.passwordMade}</p>
          <Copyable text={made} label={texts.passwordNew} />
        </div>
      )}
      <div className="row">
        <Button onClick={make}>{texts.passwordMake}</Button>
        {made !== undefined && (
          <Button onClick={() => download('tollgate-password.txt', `${location.origin}\n${user}\n${made}\n`)}>
            {texts.download}
          </Button>
        )}
        <span className="muted number">{wanted !== '' && texts.passwordLength([...wanted].length)}</span>
      </div>
      <PasswordInput
        label={texts.passwordAgain}
        error={differs ? texts.passwordDiffers : undefined}
        autoComplete="new-password"
        value={again}
        onChange={(event) => setAgain(event.currentTarget.value)}
      />
      {error !== undefined && fieldProblem === undefined && <ErrorText error={error} />}
      <div>
        <Button
          type="submit"
          variant="filled"
          loading={isRunning}
          disabled={now === '' || wanted === '' || again !== wanted}
        >
          {texts.passwordChange}
        </Button>
      </div>
    </form>
  );
}
