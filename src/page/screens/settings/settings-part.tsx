/**
 * A section of the settings as a form: what is in force, what was typed, and Save of this section alone.
 *
 * Saved with the version that was read: whoever saved meanwhile is not overwritten without being asked. Who may not change
 * settings reads them in fields that are off.
 */
import { NativeSelect, NumberInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { FirewallReport } from '../../../api/firewall-routes.ts';
import type { SettingsReport } from '../../../api/settings-routes.ts';
import type { Settings } from '../../../policy/settings.ts';
import type { TriedPart } from '../../../policy/settings-trial.ts';
import { ApiError, api, receive } from '../../api/client.ts';
import { useRefresh, useTagged } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { ChangedMeanwhile, Shown } from '../../parts/states.tsx';
import { say } from '../../parts/undo.tsx';
import { UnsavedBar } from '../../parts/unsaved.tsx';
import { settingsTexts as texts } from '../../texts/settings.ts';
import { countChanges, readDuration, type Unit } from './draft.ts';
import { PendingPanel } from './pending-change.tsx';

/** What may cut off who changes it is tried first, and goes back by itself unless it is kept. */
const TRIED: readonly TriedPart[] = ['packetProtection', 'adminAccess'];
const STANDARD_SECONDS = 90;

export interface PartForm<Part> {
  readonly value: Part;
  readonly set: (changes: Partial<Part>) => void;
  /** Of a field, by its path below the section. */
  readonly problemOf: (path: string) => string | undefined;
  readonly isReadOnly: boolean;
}

/** @param props.isBlocked it cannot be saved as it is, and the section says why */
export function SettingsPart<Name extends keyof Settings>({
  part,
  isBlocked,
  children,
}: {
  readonly part: Name;
  readonly isBlocked?: (value: Settings[Name]) => boolean;
  readonly children: (form: PartForm<Settings[Name]>) => ReactNode;
}): ReactNode {
  const found = useTagged<SettingsReport>('settings');
  const body = found.data?.body;
  return (
    <Shown found={{ ...found, data: body }}>
      {(report) => (
        <PartFields part={part} report={report} isBlocked={isBlocked}>
          {children}
        </PartFields>
      )}
    </Shown>
  );
}

function PartFields<Name extends keyof Settings>({
  part,
  report,
  isBlocked,
  children,
}: {
  readonly part: Name;
  readonly report: SettingsReport;
  readonly isBlocked: ((value: Settings[Name]) => boolean) | undefined;
  readonly children: (form: PartForm<Settings[Name]>) => ReactNode;
}): ReactNode {
  const { may } = useSession();
  const [draft, setDraft] = useState<{ readonly value: Settings[Name]; readonly version: number }>();
  const refresh = useRefresh();
  const { isRunning, error, run, forget } = useAction();
  const tried = TRIED.find((each) => each === part);
  const before = report.settings[part];
  const value = draft?.value ?? before;
  const changes = countChanges(before, value);
  const discard = (): void => {
    setDraft(undefined);
    forget();
  };
  const put = async (wanted: Settings[Name], version: number | undefined): Promise<string | undefined> => {
    const ifMatch = version === undefined ? undefined : `"${version}"`;
    const path = tried === undefined ? 'settings' : `settings?confirmWithinSeconds=${STANDARD_SECONDS}`;
    const { inForce } = await receive('PATCH', path, { body: { [part]: wanted }, ifMatch });
    await refresh('settings', 'branding', 'firewall');
    return inForce;
  };
  const save = async (version: number | undefined): Promise<void> => {
    if (isBlocked?.(value) === true) return;
    await run(async () => {
      const inForce = await put(value, version);
      setDraft(undefined);
      // What waits to be kept says so itself, and is put back there.
      const waits = tried !== undefined && (await api<FirewallReport>('GET', 'firewall')).pending !== null;
      if (!waits) say(texts.saved(inForce), () => put(before, undefined));
    });
  };
  const problems = error instanceof ApiError ? error.problems : [];
  const wasChanged = error instanceof ApiError && error.status === 409 && draft?.version !== report.version;
  const isReadOnly = !may('settings:write');
  return (
    <div className="stack">
      {isReadOnly && <p className="settings-note">{texts.onlyOwner}</p>}
      {tried !== undefined && (
        <PendingPanel
          of={tried}
          onDraft={(drafted) => {
            const wanted = drafted?.settings as Partial<Settings> | null | undefined;
            const value = wanted?.[part];
            if (value !== undefined) setDraft({ value, version: report.version });
          }}
        />
      )}
      {children({
        value,
        set: (changed) => setDraft({ value: { ...value, ...changed }, version: draft?.version ?? report.version }),
        problemOf: (path) => problems.find((each) => each.path === `${part}.${path}`)?.message,
        isReadOnly,
      })}
      {wasChanged && <ChangedMeanwhile error={error} onReload={discard} onOverwrite={() => void save(undefined)} />}
      <UnsavedBar
        changes={changes}
        isSaving={isRunning}
        error={wasChanged ? undefined : error}
        onSave={() => void save(draft?.version)}
        onDiscard={discard}
      />
    </div>
  );
}

/** A whole number with its limits printed below. */
export function NumberField({
  label,
  value,
  least,
  most,
  unit = '',
  help,
  disabled,
  error,
  onChange,
}: {
  readonly label: string;
  readonly value: number;
  readonly least: number;
  readonly most: number;
  readonly unit?: string;
  readonly help?: string;
  readonly disabled: boolean;
  readonly error: string | undefined;
  readonly onChange: (value: number) => void;
}): ReactNode {
  return (
    <NumberInput
      label={label}
      description={`${texts.range(least, most, unit)}${help === undefined ? '' : ` ${help}`}`}
      inputWrapperOrder={['label', 'input', 'description', 'error']}
      className="settings-number"
      value={value}
      min={least}
      max={most}
      clampBehavior="none"
      allowDecimal={false}
      allowNegative={false}
      hideControls
      disabled={disabled}
      error={error}
      onChange={(typed) => onChange(typeof typed === 'number' ? typed : Number(typed))}
    />
  );
}

/** A duration as number and unit. @param props.help its limits, in words */
export function DurationField({
  label,
  value,
  help,
  disabled,
  error,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly help: string;
  readonly disabled: boolean;
  readonly error: string | undefined;
  readonly onChange: (value: string) => void;
}): ReactNode {
  const { count, unit } = readDuration(value);
  const units: readonly Unit[] = ['m', 'h', 'd'];
  return (
    <div className="settings-duration">
      <NumberInput
        label={label}
        description={help}
        inputWrapperOrder={['label', 'input', 'description', 'error']}
        value={count}
        min={1}
        allowDecimal={false}
        allowNegative={false}
        hideControls
        disabled={disabled}
        error={error}
        onChange={(typed) => onChange(`${typed === '' ? 0 : typed}${unit}`)}
      />
      <NativeSelect
        aria-label={texts.unitOf(label)}
        value={unit}
        disabled={disabled}
        data={units.map((each) => ({ value: each, label: texts.units[each] }))}
        onChange={(event) => onChange(`${count}${event.currentTarget.value}`)}
      />
    </div>
  );
}

/** `5m` as `5 minutes`. */
export function durationWords(text: string): string {
  const { count, unit } = readDuration(text);
  const word = texts.units[unit];
  return `${count} ${count === 1 ? word.slice(0, -1) : word}`;
}
