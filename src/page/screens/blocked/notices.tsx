/** What stands above the list: phones that need a person and not a block, and who is left alone for a time. */
import { Button } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { Link } from 'react-router';
import type { ShownReport } from '../../../api/defence-routes.ts';
import type { LeftAloneReport } from '../../../api/left-alone-routes.ts';
import { api } from '../../api/client.ts';
import { useApi, useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { formatActor, sentence } from '../../parts/format.ts';
import { ErrorText } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/undo.tsx';
import { blockedTexts } from '../../texts/blocked.ts';
import { pathOf } from './bans.ts';

const SHOWN_AT_FIRST = 5;

/** Phones that guess nothing and try one wrong password by a timer. */
export function MisSetPhones(): ReactNode {
  const texts = blockedTexts.misSet;
  const { data = [] } = useApi<readonly ShownReport[]>('bans/reports?limit=100');
  const known = new Set<string>();
  const phones = data.filter(({ kind, account, address }) => {
    const name = `${account} ${address}`;
    return kind === 'mis-set-phone' && !known.has(name) && known.add(name);
  });
  if (phones.length === 0) return null;
  return (
    <section className="panel">
      <h2>{texts.title}</h2>
      <p className="muted">{texts.help}</p>
      <ul className="blocked-phones">
        {phones.slice(0, SHOWN_AT_FIRST).map(({ at, account, address, sentence: what }) => (
          <li key={`${account} ${address}`}>
            <strong>{texts.extension(account ?? '?')}</strong>
            <span>{sentence(what)}</span>
            <span className="muted">
              <Time at={at} as="age" />
              {address !== null && (
                <>
                  {' · '}
                  <Link className="mono" to={`/blocked-ips/${pathOf(address)}`}>
                    {address}
                  </Link>
                </>
              )}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** It ends by itself; or here, before its time. */
export function LeftAlone(): ReactNode {
  const texts = blockedTexts.leftAlone;
  const { data = [] } = useApi<readonly LeftAloneReport[]>('bans/left-alone', { everyMs: 30_000 });
  const [isAll, setAll] = useState(false);
  if (data.length === 0) return null;
  return (
    <section className="panel" aria-labelledby="left-alone">
      <h2 id="left-alone">{texts.title}</h2>
      <p className="muted">{texts.help}</p>
      <ul className="blocked-phones">
        {data.slice(0, isAll ? undefined : SHOWN_AT_FIRST).map((each) => (
          <OneLeftAlone key={each.address} left={each} />
        ))}
      </ul>
      {data.length > SHOWN_AT_FIRST && !isAll && (
        <Button variant="subtle" size="compact-sm" onClick={() => setAll(true)}>
          {texts.all(data.length)}
        </Button>
      )}
    </section>
  );
}

function OneLeftAlone({ left: { address, until, by } }: { readonly left: LeftAloneReport }): ReactNode {
  const texts = blockedTexts.leftAlone;
  const { may } = useSession();
  const refresh = useRefresh();
  const { isRunning, error, run } = useAction();
  const end = async (): Promise<void> => {
    await api('DELETE', `bans/left-alone/${pathOf(address)}`);
    say(texts.ended(address));
    await refresh('bans');
  };
  return (
    <li>
      <Link className="mono" to={`/blocked-ips/${pathOf(address)}`}>
        {address}
      </Link>
      <span>
        {texts.until} <Time at={until} /> <span className="muted">{texts.by(formatActor(by))}</span>
        {error !== undefined && <ErrorText error={error} />}
      </span>
      <span title={may('bans:write') ? undefined : blockedTexts.mayNot}>
        <Button
          size="compact-sm"
          aria-label={texts.endOf(address)}
          loading={isRunning}
          disabled={!may('bans:write')}
          onClick={() => void run(end)}
        >
          {texts.end}
        </Button>
      </span>
    </li>
  );
}
