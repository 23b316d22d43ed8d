/** Who is told of what and who is next, as the file of the daemon says: routes as steps, and kinds by channels. */
import { Fragment, type ReactNode } from 'react';
import type { AlertPlan, ListedChannel } from '../../../api/alerts-routes.ts';
import { useApi } from '../../api/queries.ts';
import { formatDuration } from '../../parts/format.ts';
import { Empty, Shown } from '../../parts/states.tsx';
import { alertTexts } from '../../texts/alerts.ts';
import { kindOf } from './inbox-tab.tsx';

type Route = AlertPlan['routes'][number];

const severityName = (severity: string): string =>
  (Object.entries(alertTexts.severities).find(([name]) => name === severity)?.[1] ?? severity).toLowerCase();

export function OnCallTab(): ReactNode {
  const texts = alertTexts.onCall;
  const plan = useApi<AlertPlan>('alerts/plan');
  return (
    <Shown found={plan}>
      {({ routes }) =>
        routes.length === 0 ? (
          <Empty>{texts.none}</Empty>
        ) : (
          <div className="stack">
            <OnCallNow routes={routes} />
            <h2>{texts.plan}</h2>
            <ol className="alerts-routes">
              {routes.map((route, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: routes have no name, and their order is the file's
                <li key={at} className="panel" aria-label={texts.route(at + 1)}>
                  <RouteCard route={route} />
                </li>
              ))}
            </ol>
            <p className="muted">{texts.configured}</p>
          </div>
        )
      }
    </Shown>
  );
}

/** Of the routes that hold at this moment: who hears of what, and who is next. */
function OnCallNow({ routes }: { readonly routes: readonly Route[] }): ReactNode {
  const texts = alertTexts.onCall;
  const holding = routes.filter(({ holdsNow }) => holdsNow);
  return (
    <section className="panel stack">
      <h2>{texts.title}</h2>
      {holding.length === 0 && <p>{texts.nobodyNow}</p>}
      {holding.length > 0 && (
        <dl className="facts">
          {holding.map((route, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: routes have no name, and their order is the file's
            <Fragment key={at}>
              <dt>
                {whatOf(route)}
                {route.severity === 'info' ? '' : `, ${texts.atLeast(severityName(route.severity))}`}
              </dt>
              <dd>
                {route.steps
                  .map(({ to, afterSeconds }) =>
                    texts.called(
                      to.join(', '),
                      afterSeconds === 0 ? texts.atOnce : texts.after(formatDuration(afterSeconds * 1000)),
                    ),
                  )
                  .join('; ')}
                {route.isQuietNow && ` (${texts.quietNow}: ${texts.quietMeans})`}
              </dd>
            </Fragment>
          ))}
        </dl>
      )}
    </section>
  );
}

const whatOf = ({ kinds }: Route): string =>
  kinds === null ? alertTexts.onCall.everything : kinds.map((kind) => kindOf({ kind })).join(', ');

function RouteCard({ route }: { readonly route: Route }): ReactNode {
  const texts = alertTexts.onCall;
  const { severity, rules, during, quiet, steps, repeatSeconds, holdsNow, isQuietNow } = route;
  return (
    <>
      <h3>{whatOf(route)}</h3>
      <p className="muted">
        {[
          severity === 'info' ? '' : texts.atLeast(severityName(severity)),
          rules === null ? '' : texts.ofRules(rules.join(', ')),
          during === null ? '' : `${texts.during} ${during} (${holdsNow ? texts.now : texts.notNow})`,
          quiet === null
            ? ''
            : `${texts.quiet} ${quiet}: ${texts.quietMeans}${isQuietNow ? `, ${texts.quietNow}` : ''}`,
        ]
          .filter((part) => part !== '')
          .join(' · ')}
      </p>
      <ol className="alerts-steps" aria-label={texts.step}>
        {steps.map(({ to, afterSeconds }) => (
          <li key={`${afterSeconds} ${to.join()}`}>
            <span className="muted">
              {afterSeconds === 0 ? texts.atOnce : texts.after(formatDuration(afterSeconds * 1000))}
            </span>
            <strong>{to.join(', ')}</strong>
          </li>
        ))}
        {repeatSeconds !== null && <li className="muted">{texts.repeat(formatDuration(repeatSeconds * 1000))}</li>}
      </ol>
    </>
  );
}

const RANKS = ['info', 'warning', 'critical'];

/** When a channel is told of such an alert first; undefined: never. */
export function toldAfter(
  kind: AlertPlan['kinds'][number],
  channel: string,
  routes: readonly Route[],
): number | undefined {
  const times = routes
    .filter(
      (route) =>
        (route.kinds === null || route.kinds.includes(kind.kind)) &&
        RANKS.indexOf(kind.severity) >= RANKS.indexOf(route.severity),
    )
    .flatMap(({ steps }) => steps.filter(({ to }) => to.includes(channel)).map(({ afterSeconds }) => afterSeconds));
  return times.length === 0 ? undefined : Math.min(...times);
}

export function WhatTab(): ReactNode {
  const texts = alertTexts.matrix;
  const plan = useApi<AlertPlan>('alerts/plan');
  const { data: channels = [] } = useApi<readonly ListedChannel[]>('alerts/channels');
  return (
    <Shown found={plan}>
      {({ kinds, routes }) =>
        channels.length === 0 ? (
          <Empty>{alertTexts.onCall.none}</Empty>
        ) : (
          <div className="stack">
            <p className="muted">{texts.help}</p>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scroller has to be reached by keyboard (WCAG 2.1.1) */}
            <section className="table-scroller" aria-label={texts.caption} tabIndex={0}>
              <table className="table">
                <thead>
                  <tr>
                    <th scope="col">{alertTexts.what}</th>
                    <th scope="col">{alertTexts.severity}</th>
                    {channels.map(({ name }) => (
                      <th key={name} scope="col">
                        {name}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {kinds
                    .filter(({ kind }) => kind !== 'test')
                    .map((kind) => (
                      <tr key={kind.kind}>
                        <th scope="row">{kindOf(kind)}</th>
                        <td>{severityName(kind.severity)}</td>
                        {channels.map(({ name }) => (
                          <td key={name}>{told(toldAfter(kind, name, routes))}</td>
                        ))}
                      </tr>
                    ))}
                </tbody>
              </table>
            </section>
            <p className="muted">{alertTexts.onCall.configured}</p>
          </div>
        )
      }
    </Shown>
  );
}

const told = (afterSeconds: number | undefined): string =>
  afterSeconds === undefined
    ? ''
    : afterSeconds === 0
      ? alertTexts.matrix.yes
      : alertTexts.onCall.after(formatDuration(afterSeconds * 1000));
