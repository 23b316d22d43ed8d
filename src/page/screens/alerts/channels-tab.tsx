/** Channels: how each is, a test with the real answer of the other side, and messages that were given up. */
import { Button } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { DeadLetter, ListedChannel, TestedChannel } from '../../../api/alerts-routes.ts';
import { api } from '../../api/client.ts';
import { useApi, usePages, useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { Copyable } from '../../parts/copy-button.tsx';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { sentence } from '../../parts/format.ts';
import { ErrorText, Shown } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/undo.tsx';
import { alertTexts } from '../../texts/alerts.ts';
import { State } from '../health/state.tsx';

/** A call by phone takes as long as it takes. */
const TEST_WITHIN_MS = 90_000;

export function ChannelsTab(): ReactNode {
  const texts = alertTexts.channels;
  const { may } = useSession();
  const channels = useApi<readonly ListedChannel[]>('alerts/channels', { everyMs: 15_000 });
  const [tested, setTested] = useState<ReadonlyMap<string, TestedChannel>>(new Map());
  const [under, setUnder] = useState<string>();
  const { isRunning, error, run } = useAction();
  const refresh = useRefresh();
  const mayTest = may('alerts:write');
  const test = async (channel?: string): Promise<void> => {
    setUnder(channel ?? '');
    await run(async () => {
      const body = channel === undefined ? {} : { channel };
      const answers = await api<readonly TestedChannel[]>('POST', 'alerts/test', { body, timeoutMs: TEST_WITHIN_MS });
      setTested((before) => new Map([...before, ...answers.map((each) => [each.channel, each] as const)]));
      await refresh('alerts');
    });
    setUnder(undefined);
  };
  return (
    <div className="alerts-channels">
      <Shown found={channels} rows={3}>
        {(named) =>
          named.length === 0 ? (
            <div className="state left">
              <p>{texts.none}</p>
              <p className="muted">{texts.how}</p>
              <Copyable
                text="alerts: { channels: { ops: { kind: email, host: smtp.example.com, from: tollgate@example.com, to: [ops@example.com] } } }"
                label={texts.list}
              />
            </div>
          ) : (
            <>
              <ul className="alerts-channel-list" aria-label={texts.list}>
                {named.map((channel) => (
                  <li key={channel.name}>
                    <div>
                      <strong>{channel.name}</strong>{' '}
                      <span className="muted">
                        {kindName(channel.kind)}
                        {channel.person !== null && `, ${texts.person(channel.person)}`}
                      </span>
                      <div>
                        <ChannelState channel={channel} />
                        {channel.waiting > 0 && (
                          <span className="muted">
                            {' '}
                            · {texts.waiting}: {channel.waiting}
                          </span>
                        )}
                      </div>
                      <TestAnswer of={tested.get(channel.name)} />
                    </div>
                    <Button
                      aria-label={texts.testOf(channel.name)}
                      loading={isRunning && (under === channel.name || under === '')}
                      disabled={!mayTest || isRunning}
                      title={mayTest ? undefined : texts.onlyThese}
                      onClick={() => void test(channel.name)}
                    >
                      {texts.test}
                    </Button>
                  </li>
                ))}
              </ul>
              {error !== undefined && <ErrorText error={error} />}
              <div className="row">
                <Button disabled={!mayTest || isRunning} onClick={() => void test()}>
                  {texts.testAll}
                </Button>
                {!mayTest && <span className="muted">{texts.onlyThese}</span>}
              </div>
              <p className="muted">{texts.why}</p>
            </>
          )
        }
      </Shown>
      <GivenUp mayRetry={mayTest} />
    </div>
  );
}

const kindName = (kind: string): string =>
  Object.entries(alertTexts.channels.kinds).find(([name]) => name === kind)?.[1] ?? kind;

function ChannelState({ channel }: { readonly channel: ListedChannel }): ReactNode {
  const texts = alertTexts.channels;
  if (channel.fails === 0) return <State isUp>{texts.works}</State>;
  return (
    <State isUp={false}>
      {texts.fails(channel.fails)}
      {channel.restsUntil !== null && (
        <span>
          {texts.rests} <Time at={channel.restsUntil} as="clock" />
        </span>
      )}
    </State>
  );
}

function TestAnswer({ of }: { readonly of: TestedChannel | undefined }): ReactNode {
  const texts = alertTexts.channels;
  return (
    <div role="status">
      {of !== undefined && (
        <State isUp={of.taken}>
          <span className="alerts-answer">
            {of.taken ? texts.taken(of.channel) : texts.notTaken(of.channel, sentence(of.problem ?? ''))}
          </span>
        </State>
      )}
    </div>
  );
}

const COLUMNS: readonly Column<DeadLetter>[] = [
  { id: 'message', header: alertTexts.dead.message, cell: ({ title }) => title },
  { id: 'channel', header: alertTexts.dead.channel, cell: ({ channel }) => channel },
  { id: 'problem', header: alertTexts.dead.problem, cell: ({ problem }) => sentence(problem) },
  { id: 'attempts', header: alertTexts.dead.attempts, isNumber: true, cell: ({ attempts }) => attempts },
  { id: 'at', header: alertTexts.dead.at, cell: ({ givenUpAt }) => <Time at={givenUpAt} /> },
];

const readLetters = (rows: readonly DeadLetter[]) => ({ rows });
const NO_QUERY = {};

function GivenUp({ mayRetry }: { readonly mayRetry: boolean }): ReactNode {
  const texts = alertTexts.dead;
  const { rows, ...pages } = usePages<readonly DeadLetter[], DeadLetter>('alerts/dead', NO_QUERY, readLetters);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const refresh = useRefresh();
  const { isRunning, error, run } = useAction();
  const chosen = rows.filter(({ id }) => selected.has(id)).map(({ id }) => id);
  const retry = async (): Promise<void> => {
    const body = chosen.length === 0 ? {} : { ids: chosen };
    const { retried } = await api<{ readonly retried: number }>('POST', 'alerts/dead/retry', { body });
    setSelected(new Set());
    say(texts.retried(retried));
    await refresh('alerts');
  };
  return (
    <section className="stack">
      <h2>{texts.title}</h2>
      {rows.length > 0 && mayRetry && (
        <div>
          <Button loading={isRunning} onClick={() => void run(retry)}>
            {texts.retryAll(chosen.length === 0 ? rows.length : chosen.length)}
          </Button>
        </div>
      )}
      {error !== undefined && <ErrorText error={error} />}
      <DataTable
        name={texts.list}
        columns={COLUMNS}
        rows={rows}
        keyOf={({ id }) => id}
        nameOf={({ title }) => title}
        phone={({ title, givenUpAt, channel, problem }) => ({
          title,
          aside: <Time at={givenUpAt} />,
          detail: `${channel}: ${sentence(problem)}`,
        })}
        {...(mayRetry ? { selected, onSelect: setSelected } : {})}
        pages={pages}
        empty={<p className="muted">{texts.none}</p>}
      />
    </section>
  );
}
