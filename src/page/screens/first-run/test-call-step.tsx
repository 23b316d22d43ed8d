/** Waits for a real call and says what of it is known; and shows what a refusal looks like without spending anything. */
import { Button, TextInput } from '@mantine/core';
import { type ReactNode, useEffect, useState } from 'react';
import type { DecisionReport } from '../../../gate/report.ts';
import type { VerdictName } from '../../../policy/actions/action.ts';
import { api } from '../../api/client.ts';
import { useLiveEvents } from '../../api/live.tsx';
import { useApi } from '../../api/queries.ts';
import { useAction } from '../../parts/action.ts';
import { formatPhone, sentence } from '../../parts/format.ts';
import { ErrorText } from '../../parts/states.tsx';
import { Verdict } from '../../parts/verdict.tsx';
import { firstRunTexts as texts } from '../../texts/account.ts';
import { State } from '../health/state.tsx';

const SILENT_AFTER_MS = 60_000;

interface Seen {
  readonly id: string;
  readonly extension: string | null;
  readonly trunk: string | null;
  readonly destination: string;
  readonly verdict: VerdictName;
  readonly reason: string;
}

export function TestCallStep(): ReactNode {
  const [seen, setSeen] = useState<Seen>();
  const [isSilent, setSilent] = useState(false);
  useLiveEvents(['call'], ({ type, data }) => {
    if (type === 'call') setSeen(data as unknown as Seen);
  });
  // The stream leaves out how long it took.
  const { data: call } = useApi<DecisionReport>(
    seen === undefined ? undefined : `calls/${encodeURIComponent(seen.id)}`,
  );
  useEffect(() => {
    const timer = setTimeout(() => setSilent(true), SILENT_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div className="stack">
      <p>
        <strong>{texts.testText}</strong>
      </p>
      <div aria-live="polite">
        {seen === undefined ? (
          <p className="muted">{isSilent ? texts.silent : texts.listening}</p>
        ) : (
          <ul className="first-run-checks">
            <li>
              <State isUp>{texts.seen}</State>
              <span className="mono">{formatPhone(seen.destination)}</span>
            </li>
            <li>
              <State isUp={seen.extension !== null}>{texts.extension}</State>
              <span>{seen.extension}</span>
            </li>
            <li>
              <State isUp={seen.trunk !== null}>{texts.trunkKnown}</State>
              <span>{seen.trunk}</span>
            </li>
            <li>
              <State isUp>{call === undefined ? texts.verdict : texts.verdictIn(call.tookMs.toFixed(1))}</State>
              <Verdict verdict={seen.verdict} />
              <span>{sentence(seen.reason)}</span>
            </li>
          </ul>
        )}
        {seen === undefined && isSilent && (
          <ol className="first-run-causes">
            {texts.causes.map((cause) => (
              <li key={cause}>{cause}</li>
            ))}
          </ol>
        )}
      </div>
      <DryCheck />
    </div>
  );
}

function DryCheck(): ReactNode {
  const [number, setNumber] = useState('');
  const [answer, setAnswer] = useState<Pick<Seen, 'verdict' | 'reason'>>();
  const { isRunning, error, run } = useAction();
  const check = async (): Promise<void> =>
    setAnswer(await api<Seen>('POST', 'check', { body: { destination: number.trim() } }));
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void run(check);
      }}
    >
      <h3>{texts.refusal}</h3>
      <p>{texts.refusalText}</p>
      <div className="row first-run-check">
        <TextInput
          label={texts.refusalNumber}
          inputMode="tel"
          value={number}
          onChange={(event) => setNumber(event.currentTarget.value)}
        />
        <Button type="submit" loading={isRunning} disabled={number.trim() === ''}>
          {texts.check}
        </Button>
      </div>
      {error !== undefined && <ErrorText error={error} />}
      {answer !== undefined && (
        <p aria-live="polite">
          <Verdict verdict={answer.verdict} /> {sentence(answer.reason)}
        </p>
      )}
    </form>
  );
}
