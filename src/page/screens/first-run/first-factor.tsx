/** What an owner does before anything else opens: a password of his own, and a second factor. */
import { Button, Stepper } from '@mantine/core';
import { type ReactNode, useEffect, useState } from 'react';
import { useNavigate } from 'react-router';
import { useAccount, useSession } from '../../api/session.tsx';
import { Brand } from '../../frame/brand.tsx';
import { setTabTitle } from '../../frame/tab-title.ts';
import { Notices } from '../../parts/undo.tsx';
import { firstRunTexts as texts } from '../../texts/account.ts';
import { frameTexts } from '../../texts/frame.ts';
import { PasswordForm } from '../account/password-form.tsx';
import { SecondFactorSetup } from '../account/second-factor-setup.tsx';
import '../account/account.css';
import './first-run.css';

export function FirstFactor(): ReactNode {
  const { user } = useAccount();
  const { signOut } = useSession();
  const navigate = useNavigate();
  const [step, setStep] = useState(0);
  const [password, setPassword] = useState<string>();
  useEffect(() => setTabTitle(texts.title), []);
  const goOn = (chosen?: string): void => {
    setPassword(chosen);
    setStep(1);
  };
  return (
    <main className="first-run">
      <div className="row first-run-head">
        <Brand />
        <Button variant="subtle" onClick={() => void signOut()}>
          {frameTexts.signOut}
        </Button>
      </div>
      <h1>{texts.title}</h1>
      <p className="muted">{texts.step(step + 1, 7)}</p>
      <Stepper active={step} size="sm" onStepClick={setStep} allowNextStepsSelect={false}>
        <Stepper.Step label={texts.owner} />
        <Stepper.Step label={texts.factor} />
      </Stepper>
      {step === 0 ? (
        <section className="stack">
          <h2>{texts.owner}</h2>
          <p>{texts.ownerText}</p>
          <PasswordForm onDone={goOn} />
          <p className="muted">
            {texts.ownerLost} <code>tollgate users set {user} --new-password</code>
          </p>
          <div>
            <Button onClick={() => goOn()}>{texts.keep}</Button>
          </div>
        </section>
      ) : (
        <section className="stack">
          <h2>{texts.factor}</h2>
          <p>{texts.factorText}</p>
          <SecondFactorSetup password={password} onDone={() => void navigate('/first-run')} />
        </section>
      )}
      <Notices />
    </main>
  );
}
