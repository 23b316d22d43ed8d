/** Of one extension: limits now, locks, and "Advanced › IP Restrictions". */
import { Button, CloseButton, Switch, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { ExtensionRow } from '../../../api/extension-overview-routes.ts';
import { api } from '../../api/client.ts';
import { useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { formatCount, sentence } from '../../parts/format.ts';
import { ErrorText } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/undo.tsx';
import { membersTexts } from '../../texts/members.ts';
import { LimitsNow, Registered } from './extensions.tsx';

const texts = membersTexts.extensions;

export function ExtensionNow({ row }: { readonly row: ExtensionRow }): ReactNode {
  const { may } = useSession();
  const refresh = useRefresh();
  const { isRunning, error, run } = useAction();
  const reset = async (rule: string, name: string): Promise<void> => {
    await api('POST', `rules/${encodeURIComponent(rule)}/reset`, {
      body: { subject: { kind: 'extension', id: row.number } },
    });
    await refresh('policy');
    say(texts.isReset(row.number, name));
  };
  const clear = async (id: string): Promise<void> => {
    await api('DELETE', `locks/${encodeURIComponent(id)}`);
    await refresh('policy', 'extensions');
    say(texts.cleared(row.number));
  };
  return (
    <section className="stack">
      <dl className="facts">
        <dt>{texts.fromGroups}</dt>
        <dd>{row.groups.join(', ') || membersTexts.none}</dd>
        <dt>{texts.state}</dt>
        <dd>{row.state ?? membersTexts.none}</dd>
        <dt>{texts.registered}</dt>
        <dd>
          <Registered row={row} />
        </dd>
        <dt>{texts.limits}</dt>
        <dd>
          <LimitsNow row={row} />
        </dd>
      </dl>
      {error !== undefined && <ErrorText error={error} />}
      {row.locks.length > 0 && (
        <section>
          <h3>{texts.locks}</h3>
          <ul className="member-list">
            {row.locks.map(({ id, rule, destinations, because, since }) => (
              <li key={id}>
                <span>
                  <strong>{destinations.join(', ')}</strong> {sentence(because)}{' '}
                  <span className="muted">
                    {texts.since} <Time at={since} />
                  </span>
                </span>
                <Button
                  size="compact-sm"
                  aria-label={texts.clearOf(rule)}
                  loading={isRunning}
                  disabled={!may('locks:clear')}
                  title={may('locks:clear') ? undefined : texts.mayNotClear}
                  onClick={() => void run(() => clear(id))}
                >
                  {texts.clear}
                </Button>
              </li>
            ))}
          </ul>
        </section>
      )}
      {row.limits.length === 0 ? (
        <p className="muted">{texts.nothingCounted}</p>
      ) : (
        <ul className="member-list">
          {row.limits.map(({ rule, name, limit, used, of }) => (
            <li key={`${rule} ${limit}`}>
              <span>
                {name} <span className="number">{texts.used(formatCount(used), formatCount(of), limit)}</span>
              </span>
              <Button
                size="compact-sm"
                aria-label={texts.resetOf(name)}
                loading={isRunning}
                disabled={!may('policy:write')}
                title={may('policy:write') ? undefined : membersTexts.mayNotWrite}
                onClick={() => void run(() => reset(rule, name))}
              >
                {texts.reset}
              </Button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** Undefined: it is not restricted. */
export function IpRestriction({
  places,
  registeredFrom,
  error,
  readOnly,
  onChange,
}: {
  readonly places: readonly string[] | undefined;
  readonly registeredFrom: readonly string[];
  readonly error: string | undefined;
  readonly readOnly: boolean;
  readonly onChange: (places: readonly string[] | undefined) => void;
}): ReactNode {
  const [typed, setTyped] = useState('');
  const isOn = places !== undefined;
  const [here] = registeredFrom;
  const add = (): void => {
    const place = typed.trim();
    if (place === '') return;
    onChange([...(places ?? []), place]);
    setTyped('');
  };
  return (
    <details className="rule-more" open={isOn}>
      <summary>
        {texts.advanced} › {texts.restrictions}
      </summary>
      <div className="stack">
        <Switch
          label={texts.restrict}
          description={texts.restrictHelp}
          checked={isOn}
          disabled={readOnly}
          onChange={() => onChange(isOn ? undefined : here === undefined ? [] : [here])}
        />
        {isOn && (
          <>
            <ul className="member-list">
              {places.map((place) => (
                <li key={place}>
                  <span className="mono">{place}</span>
                  <CloseButton
                    aria-label={`${membersTexts.delete} ${place}`}
                    disabled={readOnly}
                    onClick={() => onChange(places.filter((each) => each !== place))}
                  />
                </li>
              ))}
            </ul>
            <div className="row">
              <TextInput
                aria-label={texts.range}
                placeholder="203.0.113.0/24"
                value={typed}
                error={error}
                onChange={(event) => setTyped(event.currentTarget.value)}
                onKeyDown={(event) => {
                  if (event.key !== 'Enter') return;
                  event.preventDefault();
                  add();
                }}
              />
              <Button disabled={readOnly} onClick={add}>
                {texts.addRange}
              </Button>
            </div>
            {here !== undefined && !places.some((place) => place === here || place.includes('/')) && (
              <p role="status">{texts.removesRegistration(here)}</p>
            )}
          </>
        )}
      </div>
    </details>
  );
}
