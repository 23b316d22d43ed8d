/** The windows of a schedule, one by one: days, from, to. Finer than half hours, and the way without dragging. */
import { Button, Checkbox, CloseButton, TextInput } from '@mantine/core';
import { type ReactNode, useRef } from 'react';
import type { ScheduleWindow, Weekday } from '../../../policy/schedule.ts';
import { schedulesTexts } from '../../texts/schedules.ts';
import { DAYS, isOvernight, minutesOf } from './week.ts';

const texts = schedulesTexts.form;

export function WindowList({
  legend = texts.windows,
  help,
  windows,
  onChange,
  readOnly,
  problemOf,
}: {
  readonly legend?: string | undefined;
  readonly help?: string;
  readonly windows: readonly ScheduleWindow[];
  readonly onChange: (windows: ScheduleWindow[]) => void;
  readonly readOnly: boolean;
  readonly problemOf: (at: number) => string | undefined;
}): ReactNode {
  const list = useRef<HTMLFieldSetElement>(null);
  const focus = (at: number): void => {
    requestAnimationFrame(() => {
      const rows = list.current?.querySelectorAll<HTMLElement>('.window-row');
      const row = rows?.[Math.max(0, at)];
      (row?.querySelector<HTMLElement>('input') ?? list.current?.querySelector<HTMLElement>('button'))?.focus();
    });
  };
  const change = (at: number, part: Partial<ScheduleWindow>): void =>
    onChange(windows.map((window, place) => (place === at ? withPart(window, part) : window)));
  return (
    <fieldset className="rule-part" disabled={readOnly} ref={list}>
      <legend>{legend}</legend>
      {help !== undefined && <p className="muted small">{help}</p>}
      {windows.length === 0 && <p className="muted">{texts.noWindows}</p>}
      {windows.map((window, at) => {
        const problem = problemOf(at);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: windows have no name of their own
          <fieldset key={at} className="window-row">
            <legend className="unseen">{texts.window(at + 1, windows.length)}</legend>
            <div className="window-days">
              {DAYS.map((day, place) => (
                <label key={day} className="day-toggle" data-on={window.days.includes(day) || undefined}>
                  <input
                    type="checkbox"
                    className="unseen"
                    checked={window.days.includes(day)}
                    aria-label={schedulesTexts.days[place]}
                    onChange={() => change(at, { days: toggled(window.days, day) })}
                  />
                  <span aria-hidden>{schedulesTexts.shortDays[place]}</span>
                </label>
              ))}
            </div>
            <div className="window-hours">
              <TextInput
                aria-label={texts.from}
                value={window.from}
                className="window-time"
                placeholder="18:00"
                onChange={(event) => change(at, { from: event.currentTarget.value })}
                onBlur={() => change(at, { from: tidy(window.from) })}
              />
              <span aria-hidden>→</span>
              <TextInput
                aria-label={texts.to}
                value={window.to}
                className="window-time"
                placeholder="08:00"
                onChange={(event) => change(at, { to: event.currentTarget.value })}
                onBlur={() => change(at, { to: tidy(window.to) })}
              />
              <Checkbox
                label={texts.nextDay}
                checked={isOvernight(window)}
                disabled={minutesOf(window.to) <= minutesOf(window.from) && window.from !== window.to}
                onChange={(event) => change(at, { nextDay: event.currentTarget.checked || undefined })}
              />
              <CloseButton
                aria-label={texts.removeWindow(at + 1)}
                onClick={() => {
                  onChange(windows.filter((_, place) => place !== at));
                  focus(at - 1);
                }}
              />
            </div>
            {problem !== undefined && <p className="field-problem">{problem}</p>}
          </fieldset>
        );
      })}
      <div className="row">
        <Button
          size="compact-sm"
          onClick={() => {
            onChange([...windows, { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '17:00' }]);
            focus(windows.length);
          }}
        >
          {texts.addWindow}
        </Button>
      </div>
    </fieldset>
  );
}

function withPart(window: ScheduleWindow, part: Partial<ScheduleWindow>): ScheduleWindow {
  const { nextDay, ...rest } = { ...window, ...part };
  return nextDay === true ? { ...rest, nextDay } : rest;
}

function toggled(days: readonly Weekday[], day: Weekday): ScheduleWindow['days'] {
  const after = DAYS.filter((each) => (each === day ? !days.includes(day) : days.includes(each)));
  const [first = day, ...rest] = after;
  return [first, ...rest];
}

/** `8:00` and `8` as `08:00`. */
function tidy(text: string): string {
  const [, hours, minutes = '00'] = /^(\d{1,2})(?::?(\d\d))?$/.exec(text.trim()) ?? [];
  return hours === undefined ? text : `${hours.padStart(2, '0')}:${minutes}`;
}
