/** The time zone of a schedule, and the dates on which it is open all day. */
import { Button, CloseButton, Select, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { schedulesTexts } from '../../texts/schedules.ts';

const texts = schedulesTexts.form;
const ZONES = Intl.supportedValuesOf('timeZone');

export function Zone({
  value,
  policyZone,
  onChange,
  readOnly,
  isCalledOffered = true,
}: {
  readonly value: string | undefined;
  readonly policyZone: string;
  /** Whether it may be the clock of whoever is called. */
  readonly isCalledOffered?: boolean;
  readonly onChange: (zone: string | undefined) => void;
  readonly readOnly: boolean;
}): ReactNode {
  const data = [
    { value: '', label: texts.policyZone(policyZone) },
    ...(isCalledOffered ? [{ value: 'called', label: texts.calledZone }] : []),
    ...['UTC', ...ZONES.filter((zone) => zone !== 'UTC')].map((zone) => ({ value: zone, label: zone })),
  ];
  return (
    <Select
      label={texts.zone}
      data={data}
      searchable
      allowDeselect={false}
      limit={60}
      disabled={readOnly}
      value={value ?? ''}
      comboboxProps={{ withinPortal: false }}
      onChange={(chosen) => onChange(chosen === null || chosen === '' ? undefined : chosen)}
    />
  );
}

export function Holidays({
  dates,
  onChange,
  readOnly,
}: {
  readonly dates: readonly string[];
  readonly onChange: (dates: string[]) => void;
  readonly readOnly: boolean;
}): ReactNode {
  const [typed, setTyped] = useState('');
  const add = (): void => {
    if (!/^\d{4}-\d\d-\d\d$/.test(typed) || dates.includes(typed)) return;
    onChange([...dates, typed].toSorted());
    setTyped('');
  };
  const dayName = (date: string): string =>
    new Intl.DateTimeFormat('en-GB', { weekday: 'short', timeZone: 'UTC' }).format(new Date(`${date}T12:00:00Z`));
  return (
    <fieldset className="rule-part" disabled={readOnly}>
      <legend>{texts.holidays}</legend>
      <p className="muted">{texts.holidayHelp}</p>
      {dates.length === 0 && <p>{texts.noHolidays}</p>}
      <ul className="holidays">
        {dates.map((date) => (
          <li key={date}>
            <span className="mono">{date}</span> {dayName(date)}
            <CloseButton
              aria-label={texts.removeDate(date)}
              onClick={() => onChange(dates.filter((each) => each !== date))}
            />
          </li>
        ))}
      </ul>
      <div className="row">
        <TextInput
          type="date"
          aria-label={texts.date}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') {
              event.preventDefault();
              add();
            }
          }}
        />
        <Button onClick={add}>{texts.addDate}</Button>
      </div>
    </fieldset>
  );
}
