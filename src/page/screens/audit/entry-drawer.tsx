/** One entry of the audit log, with everything that it holds. */
import type { ReactNode } from 'react';
import { useParams } from 'react-router';
import { withQuery } from '../../api/client.ts';
import { useApi } from '../../api/queries.ts';
import { formatActor } from '../../parts/format.ts';
import { SideDrawer } from '../../parts/side-drawer.tsx';
import { NotFound, Shown } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { auditTexts } from '../../texts/audit.ts';
import {
  type AuditRow,
  type AuditRows,
  cursorOf,
  decidedAt,
  didOf,
  differences,
  placeOf,
  wayOf,
} from './differences.ts';

const texts = auditTexts.drawer;

export function AuditDrawer(): ReactNode {
  const { place = '' } = useParams();
  const found = useApi<AuditRows>(askFor(place));
  return (
    <SideDrawer
      title={decidedAt(place) === undefined ? texts.title(place.split('-')[1] ?? '') : texts.ownTitle}
      closesTo="/audit-log"
    >
      {askFor(place) === undefined ? (
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

const MOST_AT_ONE_TIME = 20;

/** Where the entry of a place is to be had. */
function askFor(place: string): string | undefined {
  const at = decidedAt(place);
  if (at !== undefined) return withQuery('audit/own', { limit: MOST_AT_ONE_TIME, since: at, until: at });
  const cursor = cursorOf(place);
  return cursor === undefined ? undefined : withQuery('audit', { limit: 1, cursor });
}

function Entry({ entry }: { readonly entry: AuditRow }): ReactNode {
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
        {entry.writtenAt !== undefined && (
          <>
            <dt>{texts.written}</dt>
            <dd>
              <Time at={entry.writtenAt} />
            </dd>
            <dt>{texts.hash}</dt>
            <dd className="mono">{entry.hash}</dd>
            <dt>{texts.previous}</dt>
            <dd className="mono">{entry.previous}</dd>
          </>
        )}
      </dl>
    </div>
  );
}
