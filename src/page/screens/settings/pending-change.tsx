/**
 * The change that waits to be kept, on one screen: how long it has, whether whoever looks still gets through, and whom it keeps
 * out. Afterwards what became of it; what was wanted is kept by the daemon.
 */
import { Button } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { FirewallPreview, FirewallReport } from '../../../api/firewall-routes.ts';
import { useApi } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import {
  keepChange,
  type PendingChange,
  putBack,
  SECTION_OF,
  useFirewallAnswer,
  useReached,
} from '../../frame/firewall-change.ts';
import { KeepOrUndo } from '../../parts/confirm.tsx';
import { formatActor, formatClock } from '../../parts/format.ts';
import { useZone } from '../../parts/time.tsx';
import { say } from '../../parts/undo.tsx';
import { settingsTexts } from '../../texts/settings.ts';
import { State } from '../health/state.tsx';

type What = PendingChange['what'];

/** @param props.of the kinds that this section makes: of others it says only that they wait, and where */
export function PendingPanel({
  of,
  onDraft,
}: {
  readonly of: What;
  /** Opens what was wanted; absent: it is open already. */
  readonly onDraft?: (draft: NonNullable<FirewallReport['lastUndone']>['draft']) => void;
}): ReactNode {
  const { may } = useSession();
  const { data: firewall } = useApi<FirewallReport>(may('firewall:read') ? 'firewall' : undefined);
  if (firewall === undefined) return null;
  const { pending, lastUndone } = firewall;
  if (pending !== null) return pending.what === of ? <Waiting pending={pending} /> : <Elsewhere pending={pending} />;
  return lastUndone?.what === of ? <Undone lastUndone={lastUndone} onDraft={onDraft} /> : null;
}

function Waiting({ pending }: { readonly pending: PendingChange }): ReactNode {
  const texts = settingsTexts.pending;
  const { may } = useSession();
  const note = useFirewallAnswer();
  const zone = useZone();
  const reached = useReached(pending);
  const title = texts.waits(texts.isOn[pending.what]);
  const body = (
    <ul className="pending-facts">
      <li>
        <span role="status">
          {reached.word === 'reached' ? (
            <State isUp>{texts.reached(reached.address, formatClock(Date.parse(reached.at), zone))}</State>
          ) : reached.word === 'lost' ? (
            <State isUp={false}>{texts.noConnection(formatClock(Date.parse(pending.revertAt), zone))}</State>
          ) : (
            <span className="muted">{texts.trying}</span>
          )}
        </span>
      </li>
      <li>
        <Lost lost={pending.lost} />
      </li>
      <li className="muted">{texts.by(formatActor(pending.by))}</li>
    </ul>
  );
  if (!may('firewall:write'))
    return (
      <div className="settings-note">
        <strong>{title}</strong>
        {body}
      </div>
    );
  return (
    <KeepOrUndo
      title={title}
      revertsAt={pending.revertAt}
      onKeep={async () => {
        note(await keepChange());
        say(texts.kept);
      }}
      onPutBack={async () => {
        note(await putBack());
        say(texts.putBack);
      }}
    >
      {body}
    </KeepOrUndo>
  );
}

function Elsewhere({ pending }: { readonly pending: PendingChange }): ReactNode {
  const texts = settingsTexts.pending;
  return (
    <p className="settings-note">
      {texts.waits(texts.isOn[pending.what])} {texts.oneAtATime} <a href={SECTION_OF[pending.what]}>{texts.toIt}</a>
    </p>
  );
}

function Undone({
  lastUndone,
  onDraft,
}: {
  readonly lastUndone: NonNullable<FirewallReport['lastUndone']>;
  readonly onDraft: ((draft: NonNullable<FirewallReport['lastUndone']>['draft']) => void) | undefined;
}): ReactNode {
  const texts = settingsTexts.pending;
  const zone = useZone();
  const { at, undoneBy, draft } = lastUndone;
  return (
    <div className="settings-note pending-undone" role="status">
      <span>
        {texts.undone(formatClock(Date.parse(at), zone), undoneBy === null ? null : formatActor(undoneBy))}{' '}
        {draft !== null && texts.draft}
      </span>
      {draft !== null && onDraft !== undefined && <Button onClick={() => onDraft(draft)}>{texts.openDraft}</Button>}
    </div>
  );
}

/** Whom a change keeps out who is here by right, in numbers and by name. */
export function Lost({ lost }: { readonly lost: FirewallPreview['lost'] }): ReactNode {
  const texts = settingsTexts.pending;
  const [isOpen, setOpen] = useState(false);
  if (lost === null) return <span className="muted">{texts.lostUnknown}</span>;
  const { phones, trunks } = lost;
  if (phones.length === 0 && trunks.length === 0) return <span className="muted">{texts.lostNobody}</span>;
  return (
    <div>
      {texts.lost(
        phones.map(({ extension }) => extension),
        trunks.length,
      )}{' '}
      <Button variant="subtle" size="compact-sm" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {isOpen ? texts.hideThem : texts.seeThem}
      </Button>
      {isOpen && (
        <ul className="pending-lost mono">
          {phones.map(({ extension, address }) => (
            <li key={`${extension} ${address}`}>
              {extension} · {address}
            </li>
          ))}
          {trunks.map((address) => (
            <li key={address}>{texts.trunkAt(address)}</li>
          ))}
        </ul>
      )}
    </div>
  );
}
