/** Dashboard: whether anything is wrong right now, in words first, then in figures, charts and lists. */
import { Button } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck, IconInfoCircle } from '@tabler/icons-react';
import { lazy, type ReactNode, Suspense, useState } from 'react';
import { Link } from 'react-router';
import type { Dashboard } from '../../../api/dashboard-routes.ts';
import type { SpendReport } from '../../../api/spend-routes.ts';
import { useApi } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { capital, formatCount, sentence } from '../../parts/format.ts';
import { Screen } from '../../parts/screen.tsx';
import { Failed, Loading } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { dashboardTexts } from '../../texts/dashboard.ts';
import { amountIn, ShareBar, shareOf } from '../calls/cost-tab.tsx';
import { placeOf } from './look-places.ts';
import { addedUp, countsOf, STOPPED, sumOf } from './minutes.ts';
import { Tiles } from './tiles.tsx';
import '../calls/calls.css';
import './dashboard.css';

// The first line has the answer; it does not wait for what draws charts.
const Charts = lazy(async () => ({ default: (await import('./charts.tsx')).Charts }));

const MOST_LOOKS = 5;

export function DashboardScreen(): ReactNode {
  const { may } = useSession();
  const mayAll = may('status:read');
  const found = useApi<Dashboard>(mayAll ? 'dashboard' : undefined, { everyMs: 10_000, keepsOld: true });
  const spend = useApi<SpendReport>(may('reports:read') ? 'spend' : undefined, { everyMs: 10_000, keepsOld: true });
  const { data } = found;
  if (mayAll && data === undefined)
    return (
      <Screen title={dashboardTexts.title} purpose={dashboardTexts.purpose}>
        {found.error === null ? (
          <Loading rows={8} height={48} />
        ) : (
          <Failed error={found.error} retry={() => void found.refetch()} />
        )}
      </Screen>
    );
  return (
    <Screen title={dashboardTexts.title} purpose={data === undefined ? undefined : dashboardTexts.purpose}>
      {data !== undefined && <FirstLine found={data} />}
      <Tiles found={data} spend={may('reports:read') ? spend.data : null} />
      {data !== undefined && isNew(data) && <FirstSteps />}
      {data !== undefined && !isNew(data) && (
        <Suspense fallback={<Loading rows={2} height={180} />}>
          <Charts found={data} />
        </Suspense>
      )}
      <div className="dashboard-lists">
        {data !== undefined && <Looks looks={data.needsALook} patterns={data.patterns} />}
        {data !== undefined && data.limits !== null && <Limits limits={data.limits} />}
        {data !== undefined && data.bans !== null && <Bans recent={data.bans.recent} />}
        {data === undefined && spend.data !== undefined && <Budgets spend={spend.data} />}
      </div>
    </Screen>
  );
}

/** Nothing was decided in an hour, and nothing is known of before. */
const isNew = ({ minutes, limits, patterns }: Dashboard): boolean =>
  minutes !== null &&
  sumOf(addedUp([...STOPPED, 'allow' as const].map((verdict) => countsOf(minutes, verdict)))) === 0 &&
  (limits?.length ?? 0) === 0 &&
  (patterns?.length ?? 0) === 0;

function FirstLine({ found }: { readonly found: Dashboard }): ReactNode {
  const { health, held, needsALook } = found;
  const down = health.parts.filter(({ state }) => state === 'down').map(({ name }) => capital(name));
  const isUp = down.length === 0;
  const Icon = isUp ? IconCircleCheck : IconAlertTriangle;
  const urgent = needsALook.filter(({ severity, kind }) => severity !== 'info' && kind !== 'part').length;
  return (
    <p className="first-line">
      <Link to="/health" className="first-health" data-up={isUp || undefined}>
        <Icon size={20} stroke={1.75} aria-hidden />
        {isUp ? dashboardTexts.working : dashboardTexts.down(down.join(dashboardTexts.and))}
      </Link>
      {held !== null && (
        <Link to="/approvals">{held.waiting === 0 ? dashboardTexts.quiet : dashboardTexts.held(held.waiting)}</Link>
      )}
      {urgent > 0 && <span>{dashboardTexts.needs(urgent)}</span>}
    </p>
  );
}

function FirstSteps(): ReactNode {
  const { first } = dashboardTexts;
  return (
    <div className="state">
      <strong>{first.title}</strong>
      <p>{first.text}</p>
      <p className="muted">{first.help}</p>
      <div className="row">
        <Button component={Link} to="/health" variant="filled">
          {first.health}
        </Button>
        <Button component={Link} to="/rules">
          {first.rules}
        </Button>
      </div>
    </div>
  );
}

function Looks({
  looks,
  patterns,
}: {
  readonly looks: Dashboard['needsALook'];
  readonly patterns: Dashboard['patterns'];
}): ReactNode {
  const { look } = dashboardTexts;
  const [isAll, setAll] = useState(false);
  return (
    <section className="panel">
      <h2>{look.title}</h2>
      {looks.length === 0 && <p className="muted">{look.none}</p>}
      <ul className="looks">
        {looks.slice(0, isAll ? looks.length : MOST_LOOKS).map((each) => (
          <li key={`${each.kind} ${each.sentence}`}>
            <Look look={each} to={placeOf(each, patterns ?? [])} />
          </li>
        ))}
      </ul>
      {looks.length > MOST_LOOKS && (
        <Button variant="subtle" size="compact-sm" aria-expanded={isAll} onClick={() => setAll(!isAll)}>
          {isAll ? look.fewer : look.all(looks.length)}
        </Button>
      )}
    </section>
  );
}

function Look({
  look,
  to,
}: {
  readonly look: Dashboard['needsALook'][number];
  readonly to: string | undefined;
}): ReactNode {
  const Icon = look.severity === 'info' ? IconInfoCircle : IconAlertTriangle;
  const words = (
    <>
      <Icon size={16} stroke={1.75} aria-hidden />
      <span>{sentence(look.sentence)}</span>
      {look.at !== null && (
        <span className="muted">
          <Time at={look.at} as="age" />
        </span>
      )}
    </>
  );
  return to === undefined ? (
    <span className="look">{words}</span>
  ) : (
    <Link to={to} className="look">
      {words}
    </Link>
  );
}

function Limits({ limits }: { readonly limits: NonNullable<Dashboard['limits']> }): ReactNode {
  const texts = dashboardTexts.limits;
  return (
    <section className="panel">
      <h2>{texts.title}</h2>
      {limits.length === 0 && <p className="muted">{texts.none}</p>}
      <ul className="fills">
        {limits.slice(0, 6).map(({ rule, name, subject, limit, used, of }) => (
          <li key={`${rule} ${subject} ${limit}`}>
            <Link to={`/rules/edit/${encodeURIComponent(rule)}`} title={`${name}, ${subject}, ${limit}`}>
              {name} <span className="muted">{subject}</span>
            </Link>
            <ShareBar share={shareOf({ used, of })} />
            <span className="number">{texts.of(formatCount(used), formatCount(of))}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Budgets({ spend: { currency, budgets } }: { readonly spend: SpendReport }): ReactNode {
  const texts = dashboardTexts.budgets;
  return (
    <section className="panel">
      <h2>{texts.title}</h2>
      {budgets.length === 0 && <p className="muted">{texts.none}</p>}
      <ul className="fills">
        {budgets.slice(0, 8).map((budget) => (
          <li key={`${budget.rule} ${budget.subject} ${budget.level} ${budget.limit}`}>
            <span>
              {budget.name} <span className="muted">{budget.subject}</span>
            </span>
            <ShareBar share={shareOf(budget)} />
            <span className="number">
              {dashboardTexts.limits.of(
                amountIn(currency, budget.kind, budget.used),
                amountIn(currency, budget.kind, budget.of),
              )}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Bans({ recent }: { readonly recent: NonNullable<Dashboard['bans']>['recent'] }): ReactNode {
  const texts = dashboardTexts.bans;
  return (
    <section className="panel">
      <h2>{texts.title}</h2>
      {recent.length === 0 && <p className="muted">{texts.none}</p>}
      <ul className="dashboard-bans">
        {recent.map(({ address, reason, since }) => (
          <li key={address}>
            <Link to={`/blocked-ips/${encodeURIComponent(address)}`} className="mono">
              {address}
            </Link>
            <span className="muted">{sentence(reason)}</span>
            <Time at={since} as="age" />
          </li>
        ))}
      </ul>
    </section>
  );
}
