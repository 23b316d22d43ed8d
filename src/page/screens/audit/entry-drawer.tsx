/** One entry of the audit log, with everything that it holds. */
import type { ReactNode } from 'react';
import { useParams } from 'react-router';
import type { AuditPage } from '../../../people/audit-log.ts';
import type { AuditRecord } from '../../../people/audit-record.ts';
import { withQuery } from '../../api/client.ts';
import { useApi } from '../../api/queries.ts';
import { formatActor } from '../../parts/format.ts';
import { SideDrawer } from '../../parts/side-drawer.tsx';
import { NotFound, Shown } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { auditTexts } from '../../texts/audit.ts';
import { cursorOf, didOf, differences, placeOf, wayOf } from './differences.ts';

const texts = auditTexts.drawer;

export function AuditDrawer(): ReactNode {
  const { place = '' } = useParams();
  const cursor = cursorOf(place);
  const found = useApi<AuditPage>(cursor === undefined ? undefined : withQuery('audit', { limit: 1, cursor }));
  return (
    <SideDrawer title={texts.title(place.split('-')[1] ?? '')} closesTo="/audit-log">
      {cursor === undefined ? (
        <NotFound>{texts.gone}</NotFound>
      ) : (
        <Shown found={found}>
          {({ entries }) => {
            const entry = entries.find((each) => placeOf(each) === place);
            return entry === undefined ? <NotFound>{texts.gone}</NotFound> : <Entry entry={entry} />;
          }}
        </Shown>
      )}
    </SideDrawer>
  );
}

function Entry({ entry }: { readonly entry: AuditRecord }): ReactNode {
  const found = differences(entry);
  return (
    <div className="stack">
      <p className="audit-sentence">
        {formatActor(entry.by)}: {didOf(entry.action).toLowerCase()} {entry.subject}
        {entry.reason === null ? '' : `, “${entry.reason}”`}
      </p>
      <section>
        <h3>{texts.change}</h3>
        {found.length === 0 ? (
          <p className="muted">{texts.noChange}</p>
        ) : (
          <ul className="audit-changes">
            {found.map(({ field, before, after }) => (
              <li key={field}>
                {field !== '' && <span className="muted">{field}</span>}
                {before !== undefined && <del>{before}</del>}
                {after !== undefined && <ins>{after}</ins>}
              </li>
            ))}
          </ul>
        )}
      </section>
      <dl className="facts">
        <dt>{auditTexts.when}</dt>
        <dd>
          <Time at={entry.at} />
        </dd>
        <dt>{auditTexts.way}</dt>
        <dd>{wayOf(entry.by)}</dd>
        <dt>{auditTexts.from}</dt>
        <dd className="mono">{entry.from ?? '–'}</dd>
        <dt>{texts.action}</dt>
        <dd className="mono">{entry.action}</dd>
        <dt>{auditTexts.box}</dt>
        <dd>{entry.node}</dd>
        <dt>{texts.written}</dt>
        <dd>
          <Time at={entry.writtenAt} />
        </dd>
        <dt>{texts.hash}</dt>
        <dd className="mono">{entry.hash}</dd>
        <dt>{texts.previous}</dt>
        <dd className="mono">{entry.previous}</dd>
      </dl>
    </div>
  );
}
