/** Password and code again, before what they open is changed. */
import { Button, PasswordInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useAction } from '../../parts/action.ts';
import { ErrorText } from '../../parts/states.tsx';
import { accountTexts as texts } from '../../texts/account.ts';
import { partTexts } from '../../texts/frame.ts';
import { CodeField } from '../log-in/log-in.tsx';

export function ProofForm({
  consequence,
  confirms,
  isDanger = false,
  onProof,
  onCancel,
}: {
  readonly consequence: string;
  readonly confirms: string;
  readonly isDanger?: boolean;
  readonly onProof: (body: { readonly password: string; readonly totp: string }) => Promise<void>;
  readonly onCancel: () => void;
}): ReactNode {
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const { isRunning, error, run } = useAction();
  return (
    <form
      className="stack account-form"
      onSubmit={(event) => {
        event.preventDefault();
        void run(() => onProof({ password, totp: code.replaceAll(' ', '') }));
      }}
    >
      <p>{consequence}</p>
      <PasswordInput
        label={texts.passwordNow}
        autoComplete="current-password"
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      <CodeField isBackup={false} value={code} onChange={setCode} label={texts.codeOfApp} />
      {error !== undefined && <ErrorText error={error} />}
      <div className="row">
        <Button onClick={onCancel}>{partTexts.cancel}</Button>
        <Button type="submit" variant="filled" color={isDanger ? 'danger' : undefined} loading={isRunning}>
          {confirms}
        </Button>
      </div>
    </form>
  );
}
