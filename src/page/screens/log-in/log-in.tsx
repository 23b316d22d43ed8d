/**
 * Log-in: name, password, and the code of the second factor in the same form, because asking for it only where there is one
 * would tell strangers which names have one. Where somebody wanted to go stays in the address; nothing has to be carried.
 */
import { Button, PasswordInput, TextInput } from '@mantine/core';
import { type ReactNode, type RefObject, useEffect, useRef, useState } from 'react';
import type { SessionReport } from '../../../api/session-routes.ts';
import { ApiError, api } from '../../api/client.ts';
import { useSession } from '../../api/session.tsx';
import { Brand } from '../../frame/brand.tsx';
import { setTabTitle } from '../../frame/tab-title.ts';
import { useAction } from '../../parts/action.ts';
import { ErrorText } from '../../parts/states.tsx';
import { logInTexts } from '../../texts/log-in.ts';
import './log-in.css';

export function LogIn(): ReactNode {
  useEffect(() => setTabTitle(logInTexts.title), []);
  return (
    <main className="log-in">
      <div className="log-in-box">
        <Brand />
        <h1>{logInTexts.title}</h1>
        <LogInForm />
      </div>
    </main>
  );
}

export function LogInForm(): ReactNode {
  const { session, take } = useSession();
  const [name, setName] = useState(session?.user ?? '');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [isBackup, setBackup] = useState(false);
  const { isRunning, error, run } = useAction();
  const passwordField = useRef<HTMLInputElement>(null);
  const logIn = async (): Promise<void> => {
    const totp = isBackup ? code.trim() : code.replaceAll(/\s/g, '');
    const isIn = await run(async () => {
      const body = { user: name.trim(), password, ...(totp === '' ? {} : { totp }) };
      take(await api<SessionReport>('POST', 'session', { body }));
    });
    if (isIn) return;
    setCode('');
    passwordField.current?.select();
  };
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void logIn();
      }}
    >
      {error !== undefined && <Refused error={error} />}
      <TextInput
        label={logInTexts.name}
        value={name}
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        autoFocus={name === ''}
        required
        withAsterisk={false}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <PasswordInput
        ref={passwordField as RefObject<HTMLInputElement>}
        label={logInTexts.password}
        value={password}
        autoComplete="current-password"
        autoFocus={name !== ''}
        required
        withAsterisk={false}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      <CodeField isBackup={isBackup} value={code} onChange={setCode} />
      <Button type="submit" variant="filled" size="md" loading={isRunning}>
        {logInTexts.enter}
      </Button>
      <button type="button" className="as-link" onClick={() => setBackup(!isBackup)}>
        {isBackup ? logInTexts.useApp : logInTexts.useBackup}
      </button>
    </form>
  );
}

/** Six digits as one field, so that it can be pasted and filled in; or a backup code. */
export function CodeField({
  isBackup,
  value,
  onChange,
  label,
}: {
  readonly isBackup: boolean;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly label?: string;
}): ReactNode {
  return isBackup ? (
    <TextInput
      label={logInTexts.backup}
      description={logInTexts.backupHelp}
      value={value}
      autoComplete="off"
      spellCheck={false}
      className="code-field"
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  ) : (
    <TextInput
      label={label ?? logInTexts.code}
      description={label === undefined ? logInTexts.codeHelp : undefined}
      value={value}
      inputMode="numeric"
      autoComplete="one-time-code"
      maxLength={7}
      className="code-field"
      onChange={(event) => onChange(event.currentTarget.value.replaceAll(/[^\d ]/g, ''))}
    />
  );
}

const UNITS: Readonly<Record<string, string>> = { s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week' };
/** `24h`, as settings have it: `24 hours`. */
function durationInWords(text: string | undefined): string | undefined {
  const [, count, unit = ''] = /^(\d+)([smhdw])$/.exec(text ?? '') ?? [];
  return count === undefined ? text : `${count} ${UNITS[unit]}${count === '1' ? '' : 's'}`;
}

function Refused({ error }: { readonly error: Error }): ReactNode {
  const extra = (error instanceof ApiError ? error.extra : {}) as {
    readonly triesLeft?: number;
    readonly address?: string;
    readonly blockedFor?: string;
  };
  const { triesLeft, address, blockedFor } = extra;
  return (
    <div role="alert" className="refused">
      <ErrorText error={error} />
      {triesLeft !== undefined && <p>{logInTexts.triesLeft(triesLeft, address, durationInWords(blockedFor))}</p>}
      {error instanceof ApiError && error.retryAfterSeconds !== undefined && (
        <p>{logInTexts.wait(error.retryAfterSeconds)}</p>
      )}
    </div>
  );
}
