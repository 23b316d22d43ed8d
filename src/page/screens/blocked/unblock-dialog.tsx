/** Unblocks one address, some, or all that match: says first what that means, shows how far it is, and can be undone. */
import { Button, Checkbox, NativeSelect, Radio } from '@mantine/core';
import { type ReactNode, useEffect, useMemo, useState } from 'react';
import type { BanReport, BansPage } from '../../../api/bans-routes.ts';
import { api, withQuery } from '../../api/client.ts';
import { useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { ErrorText, Loading } from '../../parts/states.tsx';
import { say } from '../../parts/undo.tsx';
import { blockedTexts } from '../../texts/blocked.ts';
import { partTexts } from '../../texts/frame.ts';
import { summarise } from './bans.ts';
import { type Failure, liftAll, restoreAll } from './lifting.ts';

const texts = blockedTexts.dialog;

/** What is to be unblocked: rows, or whatever passes a filter by then. */
export type Wanted =
  | { readonly bans: readonly BanReport[] }
  | { readonly matching: Readonly<Record<string, string | undefined>>; readonly says: string };

interface Done {
  readonly addresses: readonly string[];
  /** Without those that had ended by themselves. */
  readonly lifted: readonly string[];
}
type Way = keyof typeof texts.ways;
type Alone = keyof typeof texts.aloneFor;
const ALONE: readonly Alone[] = ['900', '3600', '14400', '86400', '604800'];

export function UnblockDialog({
  wanted,
  onClose,
  onDone,
}: {
  readonly wanted: Wanted;
  readonly onClose: () => void;
  readonly onDone: () => void;
}): ReactNode {
  const { may } = useSession();
  const refresh = useRefresh();
  const [bans, setBans] = useState<readonly BanReport[] | undefined>('bans' in wanted ? wanted.bans : undefined);
  const [withPermanent, setWithPermanent] = useState('bans' in wanted && wanted.bans.length === 1);
  const [way, setWay] = useState<Way>('plain');
  const [alone, setAlone] = useState<Alone>('3600');
  const [progress, setProgress] = useState<{ readonly done: number; readonly of: number }>();
  const [failures, setFailures] = useState<readonly Failure[]>([]);
  const loading = useAction();
  const working = useAction();

  // biome-ignore lint/correctness/useExhaustiveDependencies: read once, when it is opened
  useEffect(() => {
    if ('matching' in wanted) void loading.run(async () => setBans(await readAll(wanted.matching)));
  }, []);

  const summary = useMemo(() => summarise(bans ?? []), [bans]);
  const chosen = (bans ?? []).filter(({ until }) => withPermanent || until !== null).map(({ address }) => address);

  /** What was done by now, over all tries: told once, and undone as one. */
  const [done, setDone] = useState<Done>({ addresses: [], lifted: [] });

  const finish = (all: Done): void => {
    if (all.addresses.length > 0) tell(all, way, texts.aloneFor[alone], refresh);
    onDone();
  };
  const unblock = async (addresses: readonly string[]): Promise<void> => {
    setProgress({ done: 0, of: addresses.length });
    const leaveAloneSeconds = way === 'alone' ? Number(alone) : undefined;
    const answer = await liftAll(
      addresses,
      (count) => setProgress({ done: count, of: addresses.length }),
      leaveAloneSeconds,
    );
    const { lifted, over, failures: failed } = answer;
    const notAllowed = way === 'allow' ? await allowAll([...lifted, ...over]) : [];
    const all = { addresses: [...done.addresses, ...lifted, ...over], lifted: [...done.lifted, ...lifted] };
    setProgress(undefined);
    setFailures([...failed, ...notAllowed]);
    setDone(all);
    await refresh('bans', 'allowlist', 'dashboard');
    if (failed.length + notAllowed.length === 0) finish(all);
  };

  const [only] = bans ?? [];
  const isOne = bans?.length === 1 && only !== undefined;
  return (
    <Dialog
      title={texts.title(bans?.length ?? 0)}
      {...(working.isRunning ? {} : { onClose: failures.length > 0 ? () => finish(done) : onClose })}
    >
      <div className="stack">
        {'matching' in wanted && (
          <p className="muted">{wanted.says === '' ? texts.everything : texts.matching(wanted.says)}</p>
        )}
        {loading.error !== undefined && <ErrorText error={loading.error} />}
        {bans === undefined && loading.error === undefined && <Loading rows={3} />}
        {bans?.length === 0 && <p>{texts.nothing}</p>}
        {isOne && (
          <p>
            <span className="mono">{only.address}</span>: {only.reason}
          </p>
        )}
        {bans !== undefined && !isOne && bans.length > 0 && failures.length === 0 && (
          <div className="blocked-summary">
            <p>{texts.reasons}</p>
            <ul>
              {summary.reasons.map(({ what, count }) => (
                <li key={what}>{texts.reason(what, count)}</li>
              ))}
            </ul>
            {summary.again > 0 && <p>{texts.again(summary.again, texts.third)}</p>}
          </div>
        )}
        {bans !== undefined && !isOne && summary.permanent > 0 && (
          <Checkbox
            label={texts.permanents(summary.permanent)}
            checked={withPermanent}
            onChange={(event) => setWithPermanent(event.currentTarget.checked)}
          />
        )}
        {failures.length === 0 && progress === undefined && bans !== undefined && bans.length > 0 && (
          <Radio.Group
            label={texts.way}
            value={way}
            onChange={(value) => setWay(value === 'allow' || value === 'alone' ? value : 'plain')}
          >
            <div className="blocked-ways">
              <Radio value="plain" label={texts.ways.plain} description={texts.plainHelp} />
              <div className="blocked-alone">
                <Radio value="alone" label={texts.ways.alone} description={texts.aloneHelp} />
                <NativeSelect
                  aria-label={texts.aloneLasts}
                  size="xs"
                  value={alone}
                  disabled={way !== 'alone'}
                  data={ALONE.map((value) => ({ value, label: texts.aloneFor[value] }))}
                  onChange={(event) => setAlone(ALONE.find((each) => each === event.currentTarget.value) ?? '3600')}
                />
              </div>
              {may('allowlist:write') && bans.length <= MOST_ALLOWED && (
                <Radio value="allow" label={texts.ways.allow} description={texts.allowHelp} />
              )}
            </div>
          </Radio.Group>
        )}
        {progress !== undefined && (
          <div role="status">
            <p className="number">{texts.progress(progress.done, progress.of)}</p>
            <progress
              className="blocked-progress"
              max={progress.of}
              value={progress.done}
              aria-label={texts.title(progress.of)}
            />
          </div>
        )}
        {failures.length > 0 && <Failures failures={failures} />}
        {working.error !== undefined && <ErrorText error={working.error} />}
        <div className="row end">
          <Button
            data-autofocus
            disabled={working.isRunning}
            onClick={failures.length > 0 ? () => finish(done) : onClose}
          >
            {failures.length > 0 ? partTexts.close : partTexts.cancel}
          </Button>
          {failures.length > 0 ? (
            <Button
              variant="filled"
              loading={working.isRunning}
              onClick={() => void working.run(() => unblock(failures.map(({ address }) => address)))}
            >
              {texts.retryFailed(failures.length)}
            </Button>
          ) : (
            <Button
              variant="filled"
              color="danger"
              disabled={chosen.length === 0}
              loading={working.isRunning}
              onClick={() => void working.run(() => unblock(chosen))}
            >
              {isOne ? blockedTexts.unblock : blockedTexts.unblockMany(chosen.length)}
            </Button>
          )}
        </div>
      </div>
    </Dialog>
  );
}

/** So many entries can still be told apart by their names. */
const MOST_ALLOWED = 20;
const PAGE = 1000;

async function readAll(filters: Readonly<Record<string, string | undefined>>): Promise<readonly BanReport[]> {
  const all: BanReport[] = [];
  let cursor: string | undefined;
  do {
    const page: BansPage = await api<BansPage>('GET', withQuery('bans', { ...filters, limit: PAGE, cursor }));
    all.push(...page.bans);
    cursor = page.cursor ?? undefined;
  } while (cursor !== undefined);
  return all;
}

/** Without the exemption from call limits: that is another decision. */
async function allowAll(addresses: readonly string[]): Promise<readonly Failure[]> {
  const failures: Failure[] = [];
  for (const address of addresses)
    await api('POST', 'allowlist', {
      body: {
        name: texts.nameOf(address),
        value: address,
        description: texts.descriptionOf,
        exemptFromCallLimits: false,
      },
    }).catch((error: unknown) => {
      failures.push({ address, why: error instanceof Error ? error.message : String(error) });
    });
  return failures;
}

function tell({ addresses, lifted }: Done, way: Way, lasts: string, refresh: ReturnType<typeof useRefresh>): void {
  const [first = ''] = addresses;
  const isAllowed = way === 'allow';
  const isAlone = way === 'alone';
  const one = isAllowed ? texts.oneAllowed(first) : isAlone ? texts.oneAlone(first, lasts) : texts.oneDone(first);
  const many = isAllowed
    ? texts.manyAllowed(addresses.length)
    : isAlone
      ? texts.manyAlone(addresses.length, lasts)
      : texts.done(addresses.length);
  const undo = async (): Promise<void> => {
    await restoreAll(lifted);
    await refresh('bans', 'dashboard');
  };
  // An allowed address takes no block: what is to be undone then is the entry.
  say(addresses.length === 1 ? one : many, isAllowed || lifted.length === 0 ? undefined : undo);
}

function Failures({ failures }: { readonly failures: readonly Failure[] }): ReactNode {
  return (
    <div role="alert">
      <strong>{texts.failed(failures.length)}</strong>
      <section
        className="blocked-failures"
        aria-label={texts.failed(failures.length)}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scroller has to be reached by keyboard (WCAG 2.1.1)
        tabIndex={0}
      >
        <ul>
          {failures.map(({ address, why }) => (
            <li key={address}>
              <span className="mono">{address}</span> {why}
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}
