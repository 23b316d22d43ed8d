/** Who is told when something is wrong, tried out. */
import { Button } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { api } from '../../api/client.ts';
import { useApi } from '../../api/queries.ts';
import { useAction } from '../../parts/action.ts';
import { sentence } from '../../parts/format.ts';
import { ErrorText, Shown } from '../../parts/states.tsx';
import { firstRunTexts as texts } from '../../texts/account.ts';
import { State } from '../health/state.tsx';

interface Channel {
  readonly name: string;
}
interface Tested {
  readonly channel: string;
  readonly problem?: string | null;
}

export function AlertsStep(): ReactNode {
  const channels = useApi<readonly Channel[]>('alerts/channels');
  const [tested, setTested] = useState<readonly Tested[]>([]);
  const { isRunning, error, run } = useAction();
  const test = async (): Promise<void> => setTested(await api<readonly Tested[]>('POST', 'alerts/test', { body: {} }));
  return (
    <div className="stack">
      <p>{texts.alertsText}</p>
      <Shown found={channels} rows={2}>
        {(named) =>
          named.length === 0 ? (
            <p>{texts.alertsNone}</p>
          ) : (
            <>
              <ul className="first-run-checks">
                {named.map(({ name }) => {
                  const result = tested.find(({ channel }) => channel === name);
                  const problem = result?.problem ?? undefined;
                  return (
                    <li key={name}>
                      {result === undefined ? name : <State isUp={problem === undefined}>{name}</State>}
                      {result !== undefined && <span>{problem === undefined ? texts.sent : sentence(problem)}</span>}
                    </li>
                  );
                })}
              </ul>
              <div>
                <Button loading={isRunning} onClick={() => void run(test)}>
                  {texts.sendTest}
                </Button>
              </div>
            </>
          )
        }
      </Shown>
      {error !== undefined && <ErrorText error={error} />}
    </div>
  );
}
