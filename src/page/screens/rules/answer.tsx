/** What a rule says, permits at worst and would have hit: the answer of the API, dimmed while a newer one is on its way. */
import { Button } from '@mantine/core';
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { Link } from 'react-router';
import type { RulePreview } from '../../../api/rules-preview-routes.ts';
import { formatCount, formatPhone, sentence } from '../../parts/format.ts';
import { Failed, Loading } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { Verdict } from '../../parts/verdict.tsx';
import { rulesTexts } from '../../texts/rules.ts';
import { changedWords, type Draft } from './draft.ts';
import { TryCall } from './try-call.tsx';
import { VERDICT_ORDER } from './verdict-order.ts';

const texts = rulesTexts.answer;
const DAYS = 7;

const count = (value: number | null, otherwise: string): string => (value === null ? otherwise : formatCount(value));

/** On narrow screens: both figures in one line, above the saves. */
export function AnswerBar({
  preview,
  isOld,
}: {
  readonly preview: RulePreview | undefined;
  readonly isOld: boolean;
}): ReactNode {
  const [minute] = preview?.worstCase ?? [];
  if (preview === undefined || minute === undefined) return null;
  const acted = Object.values(preview.hits?.acted ?? {}).reduce((sum, each) => sum + each, 0);
  return (
    <p className="rule-bar" data-old={isOld || undefined}>
      {texts.bar(count(minute.all ?? minute.each, texts.unbounded), formatCount(acted))}
    </p>
  );
}

export function Answer({
  preview,
  error,
  isOld,
  draft,
  onRolling,
}: {
  readonly preview: RulePreview | undefined;
  readonly error: Error | null;
  readonly isOld: boolean;
  readonly draft: Draft;
  readonly onRolling: () => void;
}): ReactNode {
  if (preview === undefined) return error === null ? <Loading rows={8} /> : <Failed error={error} />;
  return (
    <div className="answer" data-old={isOld || undefined} aria-busy={isOld}>
      {error !== null && <Failed error={error} />}
      {preview.problems.length > 0 ? (
        <section className="panel">
          <h2>{texts.problems}</h2>
          <ul className="answer-list">
            {preview.problems.map(({ path, message }) => (
              <li key={`${path} ${message}`}>
                <IconAlertTriangle size={16} stroke={1.75} aria-hidden />
                <span>
                  {path !== '' && <code>{path}</code>} {sentence(message)}
                </span>
              </li>
            ))}
          </ul>
        </section>
      ) : (
        <>
          <Said text={preview.sentence ?? ''} />
          <Worst preview={preview} draft={draft} onRolling={onRolling} />
          <Hits preview={preview} />
          <Checks preview={preview} />
        </>
      )}
      <section className="panel">
        <h2>{texts.tryTitle}</h2>
        <p className="muted small">{texts.tryHelp}</p>
        <TryCall isShort />
      </section>
    </div>
  );
}

/** The sentence, with the words underlined that were others before. */
function Said({ text }: { readonly text: string }): ReactNode {
  const [shown, setShown] = useState({ now: text, before: text });
  if (shown.now !== text) setShown({ now: text, before: shown.now });
  const { before, changed, after } = changedWords(shown.before, shown.now);
  return (
    <section className="panel" aria-label={texts.title}>
      <p className="rule-sentence">
        “{before}
        {before !== '' && changed !== '' && ' '}
        {changed !== '' && <u>{changed}</u>}
        {after !== '' && before + changed !== '' && ' '}
        {after}”
      </p>
    </section>
  );
}

function Worst({
  preview,
  draft,
  onRolling,
}: {
  readonly preview: RulePreview;
  readonly draft: Draft;
  readonly onRolling: () => void;
}): ReactNode {
  const { worstCase, subjects } = preview;
  const counting = draft.fields.counting ?? 'bucket';
  const per = draft.fields.countPer ?? 'extension';
  const [row] = draft.limits;
  const isOne = per === 'system' || subjects === 1;
  const period =
    row === undefined
      ? ''
      : row.number === '1'
        ? rulesTexts.form.units[row.unit].replace(/s$/, '')
        : `${row.number} ${rulesTexts.form.units[row.unit]}`;
  return (
    <section className="panel">
      <h2>{texts.worstCase(counting)}</h2>
      <table className="small-table">
        <thead>
          <tr>
            <th scope="col">{texts.horizon}</th>
            {worstCase.map(({ seconds }) => (
              <th key={seconds} scope="col" data-number>
                {texts.horizons[seconds] ?? `${seconds} s`}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">{texts.eachOf[per]}</th>
            {worstCase.map(({ seconds, each }) => (
              <td key={seconds} data-number>
                {count(each, texts.unbounded)}
              </td>
            ))}
          </tr>
          {!isOne && (
            <tr>
              <th scope="row">{texts.all(subjects === null ? '' : formatCount(subjects)).replace('  ', ' ')}</th>
              {worstCase.map(({ seconds, all, each }) => (
                <td key={seconds} data-number>
                  {count(all, each === null ? texts.unbounded : texts.unknown)}
                </td>
              ))}
            </tr>
          )}
        </tbody>
      </table>
      {counting === 'bucket' && row !== undefined && row.calls !== '' && draft.fields.action !== 'wait' && (
        <p className="row">
          <span>{texts.rollingQuestion(row.calls, period)}</span>
          <Button size="compact-sm" onClick={onRolling}>
            {texts.toRolling}
          </Button>
        </p>
      )}
    </section>
  );
}

function Hits({ preview: { hits } }: { readonly preview: RulePreview }): ReactNode {
  if (hits === null) return null;
  const acted = VERDICT_ORDER.filter((verdict) => verdict !== 'allow' && (hits.acted[verdict] ?? 0) > 0);
  return (
    <section className="panel">
      <h2>{texts.hits(DAYS)}</h2>
      <p>{texts.matched(formatCount(hits.looked), formatCount(hits.matched))}</p>
      {acted.length === 0 ? (
        <p className="muted">{texts.none}</p>
      ) : (
        <p className="row">
          {acted.map((verdict) => (
            <Verdict
              key={verdict}
              verdict={verdict}
              word={`${formatCount(hits.acted[verdict] ?? 0)} ${texts.acted[verdict]}`}
            />
          ))}
        </p>
      )}
      {hits.extensions.slice(0, 5).map(({ extension, calls, sample }) => (
        <details key={extension ?? ''} className="rule-more">
          <summary>
            <span className="mono">{extension ?? texts.unknownExtension}</span> · {texts.calls(formatCount(calls))}
          </summary>
          <ul>
            {sample.map(({ id, at, destination }) => (
              <li key={id}>
                <Link to={`/calls/${encodeURIComponent(id)}`}>
                  <Time at={at} /> → <span className="mono">{formatPhone(destination)}</span>
                </Link>
              </li>
            ))}
          </ul>
        </details>
      ))}
      <p className="muted small">
        {texts.plain} {!hits.complete && texts.incomplete}
      </p>
    </section>
  );
}

function Checks({ preview }: { readonly preview: RulePreview }): ReactNode {
  const { findings, emergency } = preview;
  if (findings.length === 0 && emergency.touched.length > 0) return null;
  return (
    <section className="panel">
      <h2>{texts.check}</h2>
      <ul className="answer-list">
        {emergency.touched.length === 0 && (
          <li>
            <IconCheck size={16} stroke={1.75} aria-hidden />
            <span>{texts.emergencyOk}</span>
          </li>
        )}
        {findings.map(({ check, what, why }) => (
          <li key={`${check} ${what}`}>
            <IconAlertTriangle size={16} stroke={1.75} aria-hidden />
            <span>
              {sentence(what)} <span className="muted">{sentence(why)}</span>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
