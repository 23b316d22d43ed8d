/**
 * A second factor, from the password to the backup codes. It is in force with the code that proves it, and the codes are
 * shown once; so the log-in it answers is taken over only when they are said to be stored.
 */
import { Button, PasswordInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { NewFactorReport, SessionReport } from '../../../api/session-routes.ts';
import { api, setCsrfToken } from '../../api/client.ts';
import { useAccount, useSession } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { Copyable } from '../../parts/copy-button.tsx';
import { ErrorText } from '../../parts/states.tsx';
import { accountTexts as texts } from '../../texts/account.ts';
import { CodeField } from '../log-in/log-in.tsx';
import { BackupCodes } from './backup-codes.tsx';
import { QrCode } from './qr-code.tsx';

interface Confirmed {
  readonly backupCodes: readonly string[];
  readonly session: SessionReport;
}

/** @param props.password where it was just typed */
export function SecondFactorSetup({
  password: given = '',
  onDone,
}: {
  readonly password?: string;
  readonly onDone?: () => void;
}): ReactNode {
  const { secondFactor } = useAccount();
  const { take } = useSession();
  const [password, setPassword] = useState(given);
  const [oldCode, setOldCode] = useState('');
  const [factor, setFactor] = useState<NewFactorReport>();
  const [code, setCode] = useState('');
  const [confirmed, setConfirmed] = useState<Confirmed>();
  const { isRunning, error, run } = useAction();

  if (confirmed !== undefined)
    return (
      <BackupCodes
        codes={confirmed.backupCodes}
        onStored={() => {
          take(confirmed.session);
          onDone?.();
        }}
      />
    );
  if (factor !== undefined)
    return (
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void run(async () => {
            const body = { code: code.replaceAll(' ', '') };
            const answer = await api<Confirmed>('POST', 'session/totp/confirm', { body });
            setCsrfToken(answer.session.csrfToken);
            setConfirmed(answer);
          });
        }}
      >
        <p>{texts.scan}</p>
        <QrCode rows={factor.qr} label={factor.uri} />
        <div>
          <p>{texts.key}</p>
          <Copyable text={factor.secret} label={texts.key} />
        </div>
        <CodeField isBackup={false} value={code} onChange={setCode} label={texts.codeNow} />
        {error !== undefined && <ErrorText error={error} />}
        <div>
          <Button type="submit" variant="filled" loading={isRunning}>
            {texts.prove}
          </Button>
        </div>
      </form>
    );
  return (
    <form
      className="stack account-form"
      onSubmit={(event) => {
        event.preventDefault();
        const body = { password, ...(secondFactor ? { totp: oldCode.replaceAll(' ', '') } : {}) };
        void run(async () => setFactor(await api<NewFactorReport>('POST', 'session/totp', { body })));
      }}
    >
      <PasswordInput
        label={texts.passwordNow}
        autoComplete="current-password"
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      {secondFactor && <CodeField isBackup={false} value={oldCode} onChange={setOldCode} label={texts.codeOfApp} />}
      {error !== undefined && <ErrorText error={error} />}
      <div>
        <Button type="submit" variant="filled" loading={isRunning} disabled={password === ''}>
          {texts.go}
        </Button>
      </div>
    </form>
  );
}
