/** Limits with "+ Add": each row a fieldset of number, periods and unit. Removing moves the focus to the row before. */
import { Button, CloseButton, NativeSelect, TextInput } from '@mantine/core';
import { type ClipboardEvent, type ReactNode, useRef } from 'react';
import { rulesTexts } from '../../texts/rules.ts';
import { type LimitRow, MOST_LIMITS, newRow, readLimits, type Unit } from './draft.ts';

const texts = rulesTexts.form;
const UNITS = Object.entries(texts.units).map(([value, label]) => ({ value, label }));

export function LimitRows({
  rows,
  onChange,
  readOnly,
  problemOf,
  problem,
  isAlone,
}: {
  readonly rows: readonly LimitRow[];
  readonly onChange: (rows: readonly LimitRow[]) => void;
  readonly readOnly: boolean;
  /** What the daemon says of a row. */
  readonly problemOf: (at: number) => string | undefined;
  /** And of all of them. */
  readonly problem: string | undefined;
  /** The rule has nothing else to act by. */
  readonly isAlone: boolean;
}): ReactNode {
  const fields = useRef(new Map<number, HTMLInputElement>());
  const change = (at: number, part: Partial<LimitRow>): void =>
    onChange(rows.map((row, place) => (place === at ? { ...row, ...part } : row)));
  const focus = (key: number | undefined): void => {
    if (key !== undefined) requestAnimationFrame(() => fields.current.get(key)?.focus());
  };
  const add = (): void => {
    const row = newRow();
    onChange([...rows, row]);
    focus(row.key);
  };
  const paste = (event: ClipboardEvent, at: number): void => {
    const read = readLimits(event.clipboardData.getData('text').trim());
    if (read === undefined) return;
    event.preventDefault();
    onChange([...rows.slice(0, at), ...read, ...rows.slice(at + 1)].slice(0, MOST_LIMITS));
    focus(read.at(-1)?.key);
  };
  return (
    <fieldset className="rule-part" disabled={readOnly}>
      <legend>{texts.limits}</legend>
      {rows.every(({ calls }) => calls === '') && (
        <p className="muted">{isAlone ? texts.noLimits : texts.noLimitsNeeded}</p>
      )}
      {rows.map(({ key, calls, number, unit }, at) => {
        const wrong = problemOf(at);
        return (
          <fieldset key={key} className="limit-row">
            <legend className="unseen">{texts.limitOf(at + 1, rows.length)}</legend>
            <TextInput
              ref={(field) => {
                if (field === null) fields.current.delete(key);
                else fields.current.set(key, field);
              }}
              aria-label={texts.calls}
              inputMode="numeric"
              value={calls}
              className="limit-number"
              error={wrong !== undefined}
              onPaste={(event) => paste(event, at)}
              onChange={(event) => change(at, { calls: event.currentTarget.value.trim() })}
            />
            <span>{texts.callsPer}</span>
            <TextInput
              aria-label={texts.number}
              inputMode="numeric"
              value={number}
              className="limit-number"
              onChange={(event) => change(at, { number: event.currentTarget.value.trim() })}
            />
            <NativeSelect
              aria-label={texts.unit}
              data={UNITS}
              value={unit}
              onChange={(event) => change(at, { unit: event.currentTarget.value as Unit })}
            />
            {rows.length > 1 && (
              <CloseButton
                aria-label={texts.removeLimit(at + 1)}
                onClick={() => {
                  onChange(rows.filter((_, place) => place !== at));
                  focus(rows[Math.max(0, at - 1)]?.key === key ? rows[at + 1]?.key : rows[at - 1]?.key);
                }}
              />
            )}
            {wrong !== undefined && <p className="field-problem">{wrong}</p>}
          </fieldset>
        );
      })}
      {problem !== undefined && <p className="field-problem">{problem}</p>}
      <div className="row">
        <Button size="compact-sm" aria-label={texts.addLimitLabel} disabled={rows.length >= MOST_LIMITS} onClick={add}>
          {texts.addLimit}
        </Button>
        <span className="muted small">{texts.pasteHelp}</span>
      </div>
    </fieldset>
  );
}
