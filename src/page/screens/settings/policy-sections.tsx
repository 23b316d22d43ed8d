/** What the policy says for all rules: exemptions, emergency numbers, time zone, and how dialled numbers are read. */
import { Button, Switch, Textarea, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { Link } from 'react-router';
import type { PolicyDocument } from '../../../policy/document.ts';
import { ApiError, api, receive } from '../../api/client.ts';
import { useApi, useRefresh, useTagged } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { formatPhone } from '../../parts/format.ts';
import { ChangedMeanwhile, ErrorText, Shown } from '../../parts/states.tsx';
import { say, sayProblem } from '../../parts/undo.tsx';
import { UnsavedBar } from '../../parts/unsaved.tsx';
import { settingsTexts } from '../../texts/settings.ts';
import { countChanges, wordsOf } from './draft.ts';

/** Fields beside each other stay in line, however long what is said of them. */
const BELOW: ('label' | 'input' | 'description' | 'error')[] = ['label', 'input', 'description', 'error'];

interface PolicyReport {
  readonly version: number;
  readonly document: PolicyDocument;
}
type Fields = Pick<PolicyDocument, 'timezone' | 'homeCountry' | 'dialling' | 'emergencyNumbers'>;

/** Some fields of the policy as a form; the rest of the document is sent as it was read. */
function PolicyPart({
  children,
}: {
  readonly children: (form: {
    readonly value: Fields;
    readonly set: (changes: Partial<Fields>) => void;
    readonly problemOf: (path: string) => string | undefined;
    readonly isReadOnly: boolean;
  }) => ReactNode;
}): ReactNode {
  const { may } = useSession();
  const found = useTagged<PolicyReport>('policy');
  const [draft, setDraft] = useState<{ readonly changes: Partial<Fields>; readonly version: number }>();
  const refresh = useRefresh();
  const { isRunning, error, run, forget } = useAction();
  const discard = (): void => {
    setDraft(undefined);
    forget();
  };
  const put = async (document: PolicyDocument, version: number | undefined): Promise<string | undefined> => {
    const ifMatch = version === undefined ? undefined : `"${version}"`;
    const { inForce } = await receive('PUT', 'policy', { body: document, ifMatch });
    await refresh('policy', 'rules', 'me');
    return inForce;
  };
  const isReadOnly = !may('policy:remove');
  return (
    <Shown found={{ ...found, data: found.data?.body }}>
      {({ document, version }) => {
        const value: Fields = { ...document, ...draft?.changes };
        const save = (from: number | undefined): void =>
          void run(async () => {
            const inForce = await put({ ...document, ...draft?.changes }, from);
            setDraft(undefined);
            say(settingsTexts.saved(inForce), () => put(document, undefined));
          });
        const wasChanged = error instanceof ApiError && error.status === 409;
        const problems = error instanceof ApiError ? error.problems : [];
        return (
          <div className="stack">
            {isReadOnly && <p className="settings-note">{settingsTexts.onlyOwner}</p>}
            {children({
              value,
              set: (changed) =>
                setDraft({ changes: { ...draft?.changes, ...changed }, version: draft?.version ?? version }),
              problemOf: (path) => problems.find((each) => each.path.startsWith(path))?.message,
              isReadOnly,
            })}
            {wasChanged && <ChangedMeanwhile error={error} onReload={discard} onOverwrite={() => save(version)} />}
            <UnsavedBar
              changes={draft === undefined ? 0 : countChanges(pick(document), pick(value))}
              isSaving={isRunning}
              error={wasChanged ? undefined : error}
              onSave={() => save(draft?.version)}
              onDiscard={discard}
            />
          </div>
        );
      }}
    </Shown>
  );
}

const pick = ({ timezone, homeCountry, dialling, emergencyNumbers }: Fields): Fields => ({
  timezone,
  homeCountry,
  dialling,
  emergencyNumbers,
});

export function CallLimitsSection(): ReactNode {
  const texts = settingsTexts.callLimits;
  return (
    <div className="stack">
      <ExemptionSwitch />
      <PolicyPart>
        {({ value, set, problemOf, isReadOnly }) => (
          <WordsField
            label={texts.emergency}
            help={texts.emergencyHelp}
            words={value.emergencyNumbers}
            isLines
            disabled={isReadOnly}
            error={problemOf('emergencyNumbers')}
            onChange={(words) => set({ emergencyNumbers: words as Fields['emergencyNumbers'] })}
          />
        )}
      </PolicyPart>
      <p className="muted">
        {texts.rest} <Link to="/rules">{texts.rules}</Link>
      </p>
    </div>
  );
}

interface Exemptions {
  readonly exemptions: 'on' | 'off';
}

function ExemptionSwitch(): ReactNode {
  const texts = settingsTexts.callLimits;
  const { may } = useSession();
  const found = useApi<Exemptions>('allowlist/exemptions');
  const refresh = useRefresh();
  const put = async (exemptions: 'on' | 'off'): Promise<void> => {
    await api('PUT', 'allowlist/exemptions', { body: { exemptions } });
    await refresh('allowlist', 'me');
  };
  return (
    <Shown found={found} rows={1}>
      {({ exemptions }) => (
        <Switch
          label={texts.exemptions}
          description={
            may('allowlist:remove') ? texts.exemptionsHelp : `${texts.exemptionsHelp} ${settingsTexts.onlyOwner}`
          }
          checked={exemptions === 'on'}
          disabled={!may('allowlist:remove')}
          onChange={() => {
            const wanted = exemptions === 'on' ? 'off' : 'on';
            put(wanted).then(
              () => say(texts.switched(wanted), () => put(exemptions)),
              (error: unknown) => sayProblem(error instanceof Error ? error.message : String(error)),
            );
          }}
        />
      )}
    </Shown>
  );
}

/** Several words in one field; what is typed stays as it is typed. */
function WordsField({
  label,
  help,
  words,
  isLines = false,
  disabled,
  error,
  onChange,
}: {
  readonly label: string;
  readonly help: string;
  readonly words: readonly string[];
  readonly isLines?: boolean;
  readonly disabled: boolean;
  readonly error: string | undefined;
  readonly onChange: (words: string[]) => void;
}): ReactNode {
  const shown = words.join(isLines ? '\n' : ' ');
  const [text, setText] = useState(shown);
  const [known, setKnown] = useState(shown);
  // Changed by something else: Discard, or somebody else.
  if (known !== shown) {
    setKnown(shown);
    if (wordsOf(text).join(' ') !== words.join(' ')) setText(shown);
  }
  const field = {
    label,
    description: help,
    inputWrapperOrder: BELOW,
    value: text,
    spellCheck: false,
    disabled,
    error,
  };
  const take = (typed: string): void => {
    setText(typed);
    onChange([...wordsOf(typed)]);
  };
  return isLines ? (
    <Textarea {...field} rows={4} onChange={(event) => take(event.currentTarget.value)} />
  ) : (
    <TextInput {...field} onChange={(event) => take(event.currentTarget.value)} />
  );
}

export function NumbersSection(): ReactNode {
  const texts = settingsTexts.numbers;
  return (
    <div className="stack">
      <PolicyPart>
        {({ value, set, problemOf, isReadOnly }) => (
          <>
            <div className="settings-fields">
              <TextInput
                label={texts.zone}
                description={texts.zoneHelp}
                inputWrapperOrder={BELOW}
                value={value.timezone}
                spellCheck={false}
                disabled={isReadOnly}
                error={problemOf('timezone')}
                onChange={(event) => set({ timezone: event.currentTarget.value.trim() })}
              />
              <TextInput
                label={texts.country}
                description={texts.countryHelp}
                inputWrapperOrder={BELOW}
                value={value.homeCountry ?? ''}
                maxLength={2}
                disabled={isReadOnly}
                error={problemOf('homeCountry')}
                onChange={(event) => {
                  const homeCountry = event.currentTarget.value.toUpperCase();
                  set({ homeCountry: homeCountry === '' ? undefined : homeCountry });
                }}
              />
              <WordsField
                label={texts.outside}
                help={texts.prefixHelp}
                words={value.dialling.outside}
                disabled={isReadOnly}
                error={problemOf('dialling.outside')}
                onChange={(outside) => set({ dialling: { ...value.dialling, outside } })}
              />
              <WordsField
                label={texts.international}
                help={texts.prefixHelp}
                words={value.dialling.international}
                disabled={isReadOnly}
                error={problemOf('dialling.international')}
                onChange={(international) => set({ dialling: { ...value.dialling, international } })}
              />
            </div>
          </>
        )}
      </PolicyPart>
      <TryNumber />
    </div>
  );
}

interface Checked {
  readonly destination: string;
  readonly destinationLabel: string;
}

function TryNumber(): ReactNode {
  const texts = settingsTexts.numbers;
  const { may } = useSession();
  const [number, setNumber] = useState('');
  const [answer, setAnswer] = useState<string>();
  const { isRunning, error, run } = useAction();
  if (!may('calls:check')) return null;
  const check = async (): Promise<void> => {
    setAnswer(undefined);
    const body = { extension: '0', destination: number };
    const { destination, destinationLabel } = await api<Checked>('POST', 'check', { body });
    setAnswer(texts.reads(`${formatPhone(destination)}, ${destinationLabel}`));
  };
  return (
    <form
      className="settings-fieldset"
      onSubmit={(event) => {
        event.preventDefault();
        void run(check);
      }}
    >
      <strong>{texts.test}</strong>
      <div className="settings-add">
        <TextInput
          label={texts.dialled}
          value={number}
          inputMode="tel"
          onChange={(event) => setNumber(event.currentTarget.value.trim())}
        />
        <Button type="submit" loading={isRunning} disabled={number === ''}>
          {texts.check}
        </Button>
      </div>
      <p role="status">{answer}</p>
      {error !== undefined && <ErrorText error={error} />}
    </form>
  );
}
