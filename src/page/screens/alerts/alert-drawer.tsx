/** One alert: the whole sentence, who was told and what they said, who is next. */
import type { ReactNode } from 'react';
import { Link, useParams } from 'react-router';
import type { DeadLetter, ListedAlert } from '../../../api/alerts-routes.ts';
import { ApiError } from '../../api/client.ts';
import { useApi } from '../../api/queries.ts';
import { capital, formatActor, formatCount, sentence } from '../../parts/format.ts';
import { SideDrawer } from '../../parts/side-drawer.tsx';
import { Empty, Shown } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { alertTexts as texts } from '../../texts/alerts.ts';
import { AcknowledgeButton, deliveryOf, kindOf, SnoozeButton, severityOf, stateOf } from './inbox-tab.tsx';

export function AlertDrawer(): ReactNode {
  const { id = '' } = useParams();
  const found = useApi<ListedAlert>(`alerts/${encodeURIComponent(id)}`);
  const { data: dead = [] } = useApi<readonly DeadLetter[]>('alerts/dead');
  const isGone = found.error instanceof ApiError && found.error.status === 404;
  const lost = dead.filter(({ alert }) => alert === id);
  return (
    <SideDrawer title={found.data === undefined ? texts.title : capital(found.data.title)} closesTo="/alerts">
      {isGone ? (
        <Empty>{texts.none}</Empty>
      ) : (
        <Shown found={found}>
          {(alert) => (
            <div className="stack">
              <p>{sentence(alert.sentence)}</p>
              <div className="row">
                <AcknowledgeButton alert={alert} />
                <SnoozeButton alert={alert} />
              </div>
              <dl className="facts">
                <dt>{texts.state}</dt>
                <dd>
                  {stateOf(alert)}
                  {alert.acknowledgedAt !== null && (
                    <>
                      {', '}
                      <Time at={alert.acknowledgedAt} />
                    </>
                  )}
                </dd>
                {alert.overAt !== null && (
                  <>
                    <dt>{texts.over}</dt>
                    <dd>
                      <Time at={alert.overAt} />
                      {alert.overBecause !== null && `: ${sentence(alert.overBecause)}`}
                    </dd>
                  </>
                )}
                <dt>{texts.severity}</dt>
                <dd>
                  {severityOf(alert)}, {kindOf(alert)}
                </dd>
                <dt>{texts.count}</dt>
                <dd className="number">{formatCount(alert.count)}</dd>
                <dt>{texts.first}</dt>
                <dd>
                  <Time at={alert.since} />
                </dd>
                <dt>{texts.last}</dt>
                <dd>
                  <Time at={alert.lastAt} />
                </dd>
                {alert.subject !== null && (
                  <>
                    <dt>{texts.about}</dt>
                    <dd>{capital(alert.subject)}</dd>
                  </>
                )}
                {alert.rule !== null && (
                  <>
                    <dt>{texts.rule}</dt>
                    <dd>
                      <Link to={`/rules/${encodeURIComponent(alert.rule)}`}>{alert.rule}</Link>
                    </dd>
                  </>
                )}
                <dt>{texts.told}</dt>
                <dd>
                  {alert.deliveries.length === 0 && texts.toldNobody}
                  {alert.deliveries.map((each) => (
                    <div key={each.channel}>
                      {each.channel}: {deliveryOf(each)}
                      {each.againAt !== null && (
                        <>
                          {', '}
                          <Time at={each.againAt} as="age" />
                        </>
                      )}
                    </div>
                  ))}
                </dd>
                {alert.snoozedBy !== null && (
                  <>
                    <dt>{texts.snoozedBy}</dt>
                    <dd>{formatActor(alert.snoozedBy)}</dd>
                  </>
                )}
                {alert.nextStepAt !== null && (
                  <>
                    <dt>{texts.next}</dt>
                    <dd>
                      <Time at={alert.nextStepAt} as="age" />
                    </dd>
                  </>
                )}
                <dt>{texts.node}</dt>
                <dd>{alert.node}</dd>
              </dl>
              {lost.map(({ id: letter, channel, problem }) => (
                <p key={letter} className="alerts-lost">
                  {texts.givenUp(channel, sentence(problem))}
                </p>
              ))}
            </div>
          )}
        </Shown>
      )}
    </SideDrawer>
  );
}
