/** "Test a call": what would happen now, and what each rule says of it. The same as `tollgate explain`. */
import { Button, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { ExplanationReport } from '../../../gate/report.ts';
import { api } from '../../api/client.ts';
import { useSession } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { sentence } from '../../parts/format.ts';
import { SideDrawer } from '../../parts/side-drawer.tsx';
import { ErrorText } from '../../parts/states.tsx';
import { Verdict } from '../../parts/verdict.tsx';
import { rulesTexts } from '../../texts/rules.ts';

const texts = rulesTexts.test;

export function TryDrawer(): ReactNode {
  return (
    <SideDrawer title={texts.title} closesTo="/rules">
      <div className="stack">
        <p className="muted">{texts.purpose}</p>
        <TryCall />
      </div>
    </SideDrawer>
  );
}

/** @param props.isShort without trunk and time, and without what each rule says */
export function TryCall({ isShort = false }: { readonly isShort?: boolean }): ReactNode {
  const { may } = useSession();
  const [asked, setAsked] = useState({ extension: '', destination: '', trunk: '', at: '' });
  const [answer, setAnswer] = useState<ExplanationReport>();
  const { isRunning, error, run } = useAction();
  const field = (name: keyof typeof asked, label: string) => ({
    label,
    value: asked[name],
    onChange: (event: { readonly currentTarget: { readonly value: string } }) =>
      setAsked({ ...asked, [name]: event.currentTarget.value }),
    onKeyDown: (event: { readonly key: string; readonly preventDefault: () => void }) => {
      if (event.key !== 'Enter') return;
      event.preventDefault();
      ask();
    },
  });
  const ask = (): void => {
    if (asked.destination.trim() === '') return;
    const at = asked.at === '' ? undefined : new Date(asked.at).toISOString();
    void run(async () => setAnswer(await api<ExplanationReport>('POST', 'explain', { body: { ...asked, at } })));
  };
  return (
    <div className="stack">
      <div className="rule-pair">
        <TextInput {...field('extension', texts.extension)} placeholder="2007" />
        <TextInput {...field('destination', texts.destination)} placeholder="+53 5 234 5678" />
        {!isShort && (
          <>
            <TextInput {...field('trunk', texts.trunk)} />
            <TextInput {...field('at', texts.at)} description={texts.atHelp} type="datetime-local" />
          </>
        )}
      </div>
      <div className="row">
        <Button loading={isRunning} disabled={!may('calls:check') || asked.destination.trim() === ''} onClick={ask}>
          {texts.run}
        </Button>
      </div>
      {error !== undefined && <ErrorText error={error} />}
      {answer !== undefined && <Answered answer={answer} isShort={isShort} />}
    </div>
  );
}

function Answered({ answer, isShort }: { readonly answer: ExplanationReport; readonly isShort: boolean }): ReactNode {
  const { verdict, reason, retryAfterSeconds, findings, destinationLabel, destination } = answer;
  return (
    <div className="stack" role="status">
      <p>
        <Verdict verdict={verdict} /> <span className="mono">{destination}</span> {destinationLabel}
      </p>
      <p>
        {sentence(reason)} {retryAfterSeconds !== null && texts.again(retryAfterSeconds)}
      </p>
      {!isShort && (
        <section aria-label={texts.rules}>
          {findings.length === 0 && <p className="muted">{texts.noRules}</p>}
          <ul className="try-rules">
            {findings.map(({ rule, name, applies, because, exceeded, mode, action, limits }) => (
              <li key={rule} data-applies={applies || undefined}>
                <strong>{name}</strong>{' '}
                {!applies ? (
                  <span className="muted">{texts.notApplies}</span>
                ) : exceeded ? (
                  <Verdict verdict={action === 'approve' ? 'hold' : verdictIn(action)} isShadow={mode === 'shadow'} />
                ) : (
                  <span className="muted">{texts.notExceeded}</span>
                )}
                <p className="muted">{sentence(because)}</p>
                {applies &&
                  limits.map(({ subject, limit, used }) => (
                    <p key={`${subject} ${limit}`} className="number">
                      <span className="mono">{limit}</span> · {subject} · {texts.counted.toLowerCase()} {used}
                    </p>
                  ))}
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

const verdictIn = (action: string): 'block' | 'alert' | 'wait' =>
  action === 'alert' ? 'alert' : action === 'wait' ? 'wait' : 'block';
