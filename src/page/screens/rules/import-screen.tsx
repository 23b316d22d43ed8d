/** Rules from a CSV file: what would change before anything does, each mistake by line and column, all or nothing. */
import { Button, Checkbox } from '@mantine/core';
import { IconAlertTriangle, IconUpload } from '@tabler/icons-react';
import { type ReactNode, useRef, useState } from 'react';
import { Link } from 'react-router';
import type { RuleImportAnswer } from '../../../api/rules-preview-routes.ts';
import { api, receive } from '../../api/client.ts';
import { useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { ConfirmButton } from '../../parts/confirm.tsx';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { sentence } from '../../parts/format.ts';
import { Screen } from '../../parts/screen.tsx';
import { Empty, ErrorText, NoPermission } from '../../parts/states.tsx';
import { say } from '../../parts/undo.tsx';
import { rulesTexts } from '../../texts/rules.ts';
import { saveFile } from './file.ts';
import './rules.css';

const texts = rulesTexts.import_;
const LARGEST = 8 * 1024 * 1024;

interface Read {
  readonly name: string;
  readonly csv: string;
  readonly replace: boolean;
  readonly answer: RuleImportAnswer;
  readonly version: string | undefined;
}

export function ImportRulesScreen(): ReactNode {
  const { may } = useSession();
  const [read, setRead] = useState<Read>();
  const [done, setDone] = useState<RuleImportAnswer>();
  const { error, run, isRunning } = useAction();
  const look = (name: string, csv: string, replace: boolean): Promise<boolean> =>
    run(async () => {
      const answer = await api<RuleImportAnswer>('POST', 'rules/import?dryRun=true', { body: { csv, replace } });
      setRead({ name, csv, replace, answer, version: `"${answer.version}"` });
    });
  const take = (file: File | undefined): void => {
    if (file === undefined) return;
    setDone(undefined);
    void run(async () => {
      if (file.size > LARGEST) throw new Error(texts.tooLarge);
      await look(file.name, await file.text(), read?.replace ?? false);
    });
  };
  if (!may('policy:write')) return <NoPermission detail={rulesTexts.mayNotImport} />;
  return (
    <Screen title={texts.title} purpose={texts.purpose}>
      <Choose onFile={take} name={read?.name} />
      {error !== undefined && <ErrorText error={error} />}
      {done !== undefined ? (
        <Done answer={done} />
      ) : (
        read !== undefined && (
          <Preview
            read={read}
            isBusy={isRunning}
            onReplace={(replace) => void look(read.name, read.csv, replace)}
            onDone={(answer) => {
              setDone(answer);
              setRead(undefined);
            }}
          />
        )
      )}
    </Screen>
  );
}

function Choose({
  onFile,
  name,
}: {
  readonly onFile: (file: File | undefined) => void;
  readonly name: string | undefined;
}): ReactNode {
  const input = useRef<HTMLInputElement>(null);
  return (
    <section
      className="drop"
      aria-label={texts.file}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        onFile(event.dataTransfer.files[0]);
      }}
    >
      <IconUpload size={20} stroke={1.75} aria-hidden />
      <input
        ref={input}
        type="file"
        accept=".csv,text/csv"
        className="unseen"
        aria-label={texts.file}
        tabIndex={-1}
        onChange={(event) => {
          onFile(event.currentTarget.files?.[0]);
          event.currentTarget.value = '';
        }}
      />
      {name !== undefined && <strong>{name}</strong>}
      <Button onClick={() => input.current?.click()}>{name === undefined ? texts.choose : texts.again}</Button>
      <span className="muted">{texts.drop}</span>
    </section>
  );
}

function Preview({
  read,
  isBusy,
  onReplace,
  onDone,
}: {
  readonly read: Read;
  readonly isBusy: boolean;
  readonly onReplace: (replace: boolean) => void;
  readonly onDone: (answer: RuleImportAnswer) => void;
}): ReactNode {
  const { answer, csv, replace, version } = read;
  const refresh = useRefresh();
  const { may } = useSession();
  const mayRemove = may('policy:remove');
  const { problems, added, replaced, unchanged, removed, format } = answer;
  if (problems.length > 0) return <Problems problems={problems} />;
  const changes = added.length + replaced.length + removed.length;
  const sum = texts.sum(added.length, replaced.length, unchanged.length, removed.length);
  return (
    <section className="stack">
      <h2>{texts.preview}</h2>
      <p>{texts.shape(format ?? 'wide', added.length + replaced.length + unchanged.length)}</p>
      <Checkbox
        label={texts.replace}
        description={mayRemove ? undefined : rulesTexts.ownerReplaces}
        checked={replace}
        disabled={isBusy || !mayRemove}
        onChange={() => onReplace(!replace)}
      />
      <p>
        <strong>{changes === 0 ? texts.nothingToDo : sum}</strong>
      </p>
      {changes > 0 && <Changes answer={answer} />}
      {changes > 0 && (
        <div className="row">
          <ConfirmButton
            variant="filled"
            consequence={sum}
            confirms={texts.run(changes)}
            onConfirm={async () => {
              // Taken back as a whole: what the policy was is put in its place again.
              const before = await api<{ readonly document: unknown }>('GET', 'policy');
              const made = await receive<RuleImportAnswer>('POST', 'rules/import', {
                body: { csv, replace },
                ifMatch: version,
              });
              await refresh('rules', 'policy', 'doctor');
              const undo = (): Promise<void> =>
                api('PUT', 'policy', { body: before.document, ifMatch: `"${made.body.version}"` }).then(() =>
                  refresh('rules', 'policy'),
                );
              say(texts.done(added.length, replaced.length), mayRemove ? undo : undefined);
              onDone(made.body);
            }}
          >
            {texts.run(changes)}
          </ConfirmButton>
        </div>
      )}
    </section>
  );
}

type Problem = RuleImportAnswer['problems'][number];
const keyOf = ({ line, column, message }: Problem): string => `${line} ${column} ${message}`;
const PROBLEM_COLUMNS: readonly Column<Problem>[] = [
  { id: 'line', header: texts.line, isNumber: true, cell: ({ line }) => line ?? '–' },
  { id: 'column', header: texts.column, cell: ({ column }) => column ?? '–' },
  { id: 'found', header: texts.found, cell: ({ found }) => (found === null ? '–' : <code>{found}</code>) },
  { id: 'message', header: texts.message, cell: ({ message }) => sentence(message) },
];

function Problems({ problems }: { readonly problems: readonly Problem[] }): ReactNode {
  const lines = new Set(problems.map(({ line }) => line)).size;
  const cell = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  const download = (): void =>
    saveFile(
      'problems.csv',
      [
        'line,column,found,message',
        ...problems.map(({ line, column, found, message }) =>
          [String(line ?? ''), column ?? '', found ?? '', message].map(cell).join(','),
        ),
      ].join('\r\n'),
    );
  return (
    <section className="stack" role="alert">
      <h2>
        <IconAlertTriangle size={16} stroke={1.75} aria-hidden /> {texts.problems(problems.length)}
      </h2>
      <p>{texts.nothing(lines)}</p>
      <DataTable
        name={texts.problems(problems.length)}
        columns={PROBLEM_COLUMNS}
        rows={problems}
        keyOf={keyOf}
        nameOf={({ line }) => `${texts.line} ${line}`}
        phone={({ line, column, found, message }) => ({
          title: `${texts.line} ${line ?? '–'}, ${column ?? '–'}`,
          detail: `${found ?? ''} ${sentence(message)}`,
        })}
        empty={null}
      />
      <div className="row">
        <Button onClick={download}>{texts.download}</Button>
      </div>
    </section>
  );
}

type Change = RuleImportAnswer['changes'][number] & { readonly kind: 'added' | 'replaced' | 'removed' };
const limitsIn = (rule: Change['before']): string =>
  Array.isArray(rule?.['limits']) ? rule['limits'].join(' · ') : '–';
const limitsOf = ({ before, after, kind }: Change): string =>
  kind === 'replaced' && limitsIn(before) !== limitsIn(after)
    ? `${limitsIn(before)} → ${limitsIn(after)}`
    : limitsIn(after ?? before);
const nameIn = ({ id, before, after }: Change): string => String(after?.['name'] ?? before?.['name'] ?? id);
const CHANGE_COLUMNS: readonly Column<Change>[] = [
  { id: 'rule', header: texts.rule, cell: nameIn },
  { id: 'change', header: texts.change, cell: ({ kind }) => texts.kinds[kind] },
  { id: 'limits', header: texts.limits, cell: (change) => <span className="mono">{limitsOf(change)}</span> },
];

function Changes({ answer: { changes, added, removed } }: { readonly answer: RuleImportAnswer }): ReactNode {
  const rows = changes.map(
    (change): Change => ({
      ...change,
      kind: added.includes(change.id) ? 'added' : removed.includes(change.id) ? 'removed' : 'replaced',
    }),
  );
  return (
    <DataTable
      name={texts.preview}
      columns={CHANGE_COLUMNS}
      rows={rows}
      keyOf={({ id }) => id}
      nameOf={nameIn}
      phone={(change) => ({ title: nameIn(change), aside: texts.kinds[change.kind], detail: limitsOf(change) })}
      empty={<Empty>{texts.nothingToDo}</Empty>}
    />
  );
}

function Done({ answer }: { readonly answer: RuleImportAnswer }): ReactNode {
  const { may } = useSession();
  return (
    <section className="panel stack">
      <h2>{texts.doneTitle}</h2>
      <p>{texts.done(answer.added.length, answer.replaced.length)}</p>
      <div className="row">
        {may('audit:read') && <Link to="/audit-log?action=rules.import">{texts.audit}</Link>}
        <Button component={Link} to="/rules">
          {texts.back}
        </Button>
      </div>
    </section>
  );
}
