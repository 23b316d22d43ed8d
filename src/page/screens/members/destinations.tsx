/** Destinations: own lists, what is built in, emergency numbers, and a box that says what a number is. */
import { Button, TextInput } from '@mantine/core';
import { IconLock } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { useParams } from 'react-router';
import type { ExplanationReport } from '../../../gate/report.ts';
import type { PolicyDocument } from '../../../policy/document.ts';
import { api } from '../../api/client.ts';
import { useAction } from '../../parts/action.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { formatCount, formatPhone } from '../../parts/format.ts';
import { useDrawerOpener } from '../../parts/side-drawer.tsx';
import { Empty, ErrorText } from '../../parts/states.tsx';
import { membersTexts } from '../../texts/members.ts';
import { usersOf } from './member-data.ts';

const texts = membersTexts.destinations;
const CLASSES = [
  'national',
  'international',
  'mobile',
  'premium',
  'satellite',
  'tollfree',
  'shortcode',
  'internal',
  'unknown',
];

interface Row {
  readonly id: string;
  readonly name: string;
  readonly prefixes: readonly string[];
  readonly used: number;
}
const FEW = 8;
const shown = ({ prefixes }: Row): string =>
  `${prefixes.slice(0, FEW).join(', ')}${prefixes.length > FEW ? ' …' : ''}` || membersTexts.none;

const COLUMNS: readonly Column<Row>[] = [
  { id: 'name', header: membersTexts.name, cell: ({ name }) => name },
  { id: 'id', header: membersTexts.id, cell: ({ id }) => <span className="mono">{id}</span> },
  { id: 'count', header: texts.prefixes, isNumber: true, cell: ({ prefixes }) => formatCount(prefixes.length) },
  { id: 'prefixes', header: '', cell: (row) => <span className="mono">{shown(row)}</span> },
  { id: 'used', header: membersTexts.used, cell: ({ used }) => membersTexts.usedBy(used) },
];
// A header without a word is read as nothing.
const NAMED = COLUMNS.map((column) => (column.header === '' ? { ...column, header: texts.list } : column));

export function Destinations({ document }: { readonly document: PolicyDocument }): ReactNode {
  const { kind, id: opened } = useParams();
  const open = useDrawerOpener();
  const rows = Object.entries(document.destinations).map(
    ([id, { name, prefixes }]): Row => ({
      id,
      name: name ?? id,
      prefixes,
      used: usersOf(document, 'destinations', id).length,
    }),
  );
  return (
    <>
      <div className="member-panels">
        <WhatIsIt />
        <section className="panel">
          <h2 className="member-mark">
            <IconLock size={16} stroke={1.75} aria-hidden /> {texts.emergency}
          </h2>
          <p className="mono">{document.emergencyNumbers.join(' · ')}</p>
          <p className="muted">{texts.never}</p>
        </section>
        <section className="panel">
          <h2>{texts.builtIn}</h2>
          <p className="mono">{CLASSES.join(' · ')}</p>
          <p className="muted">{texts.builtInHelp}</p>
        </section>
      </div>
      <h2>{texts.list}</h2>
      <DataTable
        name={texts.list}
        columns={NAMED}
        rows={rows}
        keyOf={({ id }) => id}
        nameOf={({ name }) => name}
        opened={kind === 'destinations' ? opened : undefined}
        onOpen={({ id }) => open(`/members/edit/destinations/${encodeURIComponent(id)}`)}
        phone={(row) => ({ title: row.name, aside: texts.count(formatCount(row.prefixes.length)), detail: shown(row) })}
        empty={<Empty>{texts.empty}</Empty>}
      />
    </>
  );
}

function WhatIsIt(): ReactNode {
  const [number, setNumber] = useState('');
  const [answer, setAnswer] = useState<ExplanationReport>();
  const { error, run, isRunning } = useAction();
  return (
    <section className="panel">
      <h2>{texts.test}</h2>
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault();
          const destination = number.trim();
          if (destination !== '')
            void run(async () => setAnswer(await api<ExplanationReport>('POST', 'explain', { body: { destination } })));
        }}
      >
        <TextInput
          aria-label={texts.number}
          placeholder="+53 5 234 5678"
          value={number}
          onChange={(event) => setNumber(event.currentTarget.value)}
        />
        <Button type="submit" loading={isRunning}>
          {texts.ask}
        </Button>
      </form>
      {error !== undefined && <ErrorText error={error} />}
      {answer !== undefined && (
        <p role="status">
          <span className="mono">{formatPhone(answer.destination)}</span> {answer.destinationLabel}
        </p>
      )}
    </section>
  );
}
