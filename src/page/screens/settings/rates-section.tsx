/** The rate sheet: what is in force, another one by CSV with what it would change, and what a call costs. */
import { Button, TextInput } from '@mantine/core';
import { type ReactNode, useRef, useState } from 'react';
import type { CheckedRate, RateImport, RatesReport } from '../../../api/rates-routes.ts';
import { ApiError, api, withQuery } from '../../api/client.ts';
import { useApi, useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { ConfirmButton } from '../../parts/confirm.tsx';
import { formatActor, formatCount, formatMoney, formatPhone } from '../../parts/format.ts';
import { ErrorText, Shown } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/undo.tsx';
import { settingsTexts } from '../../texts/settings.ts';

export function RatesSection(): ReactNode {
  const texts = settingsTexts.rates;
  const { may } = useSession();
  const rates = useApi<RatesReport>('rates');
  const isReadOnly = !may('policy:remove');
  return (
    <Shown found={rates}>
      {(report) => (
        <div className="stack">
          {isReadOnly && <p className="settings-note">{settingsTexts.onlyOwner}</p>}
          {report.currency === null ? (
            <p>{texts.none}</p>
          ) : (
            <dl className="facts">
              <dt>{texts.prefixes}</dt>
              <dd className="number">{formatCount(report.prefixes)}</dd>
              <dt>{texts.currency}</dt>
              <dd>{report.currency}</dd>
              {report.changedAt !== null && (
                <>
                  <dt>{texts.changed}</dt>
                  <dd>
                    <Time at={report.changedAt} />
                    {report.changedBy !== null && `, ${formatActor(report.changedBy)}`}
                  </dd>
                </>
              )}
              {report.dearest !== null && (
                <>
                  <dt>{texts.dearest}</dt>
                  <dd>
                    <span className="mono">{report.dearest.prefix}</span>,{' '}
                    {texts.perMinute(formatMoney(report.dearest.perMinute, report.currency))}
                  </dd>
                </>
              )}
            </dl>
          )}
          {!isReadOnly && <Import canUndo={report.canUndo} />}
          {report.currency !== null && <Price />}
        </div>
      )}
    </Shown>
  );
}

interface Chosen {
  readonly name: string;
  readonly text: string;
  readonly preview: RateImport;
}

function Import({ canUndo }: { readonly canUndo: boolean }): ReactNode {
  const texts = settingsTexts.rates;
  const field = useRef<HTMLInputElement>(null);
  const [chosen, setChosen] = useState<Chosen>();
  const refresh = useRefresh();
  const { isRunning, error, run, forget } = useAction();
  const choose = (file: File | undefined): void => {
    if (file === undefined) return;
    setChosen(undefined);
    void run(async () => {
      const text = await file.text();
      const preview = await send(file.name, text, true);
      setChosen({ name: file.name, text, preview });
    });
  };
  const problems = error instanceof ApiError ? error.problems : [];
  return (
    <div className="stack">
      <input
        ref={field}
        type="file"
        accept=".csv,text/csv"
        hidden
        aria-label={texts.choose}
        onChange={(event) => {
          choose(event.currentTarget.files?.[0]);
          // The same file again, mended, is chosen again.
          event.currentTarget.value = '';
        }}
      />
      <div className="row">
        <Button loading={isRunning} onClick={() => field.current?.click()}>
          {chosen === undefined ? texts.choose : texts.another}
        </Button>
        {canUndo && (
          <ConfirmButton
            consequence={texts.undoMeans}
            confirms={texts.undo}
            onConfirm={async () => {
              await api('POST', 'rates/undo');
              say(texts.undone);
              setChosen(undefined);
              forget();
              await refresh('rates');
            }}
          >
            {texts.undo}
          </ConfirmButton>
        )}
      </div>
      {problems.length > 0 && (
        <div role="alert">
          <strong>{texts.problems(problems.length)}</strong>
          <ul className="settings-problems">
            {problems.map(({ message }) => (
              <li key={message}>{message}</li>
            ))}
          </ul>
        </div>
      )}
      {error !== undefined && problems.length === 0 && <ErrorText error={error} />}
      {chosen !== undefined && (
        <section className="panel" aria-live="polite">
          <h3>{texts.preview(chosen.name)}</h3>
          <dl className="facts settings-counts">
            <dt>{texts.added}</dt>
            <dd className="number">{formatCount(chosen.preview.added)}</dd>
            <dt>{texts.changedRows}</dt>
            <dd className="number">{formatCount(chosen.preview.changed)}</dd>
            <dt>{texts.removed}</dt>
            <dd className="number">{formatCount(chosen.preview.removed)}</dd>
            <dt>{texts.unchanged}</dt>
            <dd className="number">{formatCount(chosen.preview.unchanged)}</dd>
            <dt>{texts.currency}</dt>
            <dd>{chosen.preview.currency}</dd>
          </dl>
          <ConfirmButton
            variant="filled"
            consequence={texts.importMeans(chosen.preview.added, chosen.preview.changed, chosen.preview.removed)}
            confirms={texts.import}
            onConfirm={async () => {
              await send(chosen.name, chosen.text, false);
              setChosen(undefined);
              say(texts.imported);
              await refresh('rates');
            }}
          >
            {texts.import}
          </ConfirmButton>
        </section>
      )}
    </div>
  );
}

const send = (file: string, text: string, dryRun: boolean): Promise<RateImport> =>
  api<RateImport>('POST', withQuery('rates/import', { file, dryRun }), { csv: text });

function Price(): ReactNode {
  const texts = settingsTexts.rates;
  const [number, setNumber] = useState('');
  const [found, setFound] = useState<CheckedRate>();
  const { isRunning, error, run } = useAction();
  return (
    <form
      className="settings-fieldset"
      onSubmit={(event) => {
        event.preventDefault();
        void run(async () => setFound(await api<CheckedRate>('GET', withQuery('rates/check', { number }))));
      }}
    >
      <strong>{texts.test}</strong>
      <div className="settings-add">
        <TextInput
          label={texts.number}
          value={number}
          inputMode="tel"
          onChange={(event) => {
            setNumber(event.currentTarget.value.trim());
            setFound(undefined);
          }}
        />
        <Button type="submit" loading={isRunning} disabled={number === ''}>
          {texts.check}
        </Button>
      </div>
      <p role="status">
        {found !== undefined &&
          texts.costs(
            formatPhone(found.destination),
            formatMoney(found.perMinute, found.currency),
            formatMoney(found.tenMinutes, found.currency),
          )}
      </p>
      {error !== undefined && <ErrorText error={error} />}
    </form>
  );
}
