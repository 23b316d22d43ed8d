/** Why one call was decided as it was: the answer to "why was this call refused?", the same as the command line's. */

import { IconArrowLeft } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link, useLocation, useParams } from 'react-router';
import type { CallEnd, HoldEnd } from '../../../gate/call-sequels.ts';
import type { DecisionReport, FindingReport } from '../../../gate/report.ts';
import { ApiError, api } from '../../api/client.ts';
import { serverNow } from '../../api/server-clock.ts';
import { capital, formatDuration, formatMoment } from '../../parts/format.ts';
import { Screen } from '../../parts/screen.tsx';
import { Failed, Loading, NotFound } from '../../parts/states.tsx';
import { Time, useNow, useZone } from '../../parts/time.tsx';
import { Verdict } from '../../parts/verdict.tsx';
import { callTexts } from '../../texts/calls.ts';
import { costOf, holdOf, trunksOf } from './call-words.ts';
import { allowedFrom, countOf, describeCall, explainIt, LAYERS, layerOf, windowOf } from './why.ts';
import { WhyActions } from './why-actions.tsx';
import './calls.css';

const texts = callTexts.why;

export function WhyScreen(): ReactNode {
  const { id = '' } = useParams();
  const { search } = useLocation();
  // What was decided never changes; how its call ended comes later.
  const { data, error, refetch } = useQuery({
    queryKey: ['decision', id],
    queryFn: ({ signal }) => api<DecisionReport>('GET', `calls/${encodeURIComponent(id)}`, { signal }),
    refetchInterval: ({ state }) => (isUnderWay(state.data) ? 5000 : false),
  });
  return (
    <Screen
      title={texts.title}
      purpose={
        <Link to={{ pathname: '/calls', search }} className="row">
          <IconArrowLeft size={16} stroke={1.75} aria-hidden /> {texts.back}
        </Link>
      }
    >
      {data !== undefined ? (
        <Why key={id} call={data} />
      ) : error instanceof ApiError && error.status === 404 ? (
        <NotFound>{texts.notKept}</NotFound>
      ) : error !== null ? (
        <Failed error={error} retry={() => void refetch()} />
      ) : (
        <Loading />
      )}
    </Screen>
  );
}

/** It may have gone out, and nobody saw its end so far. */
const isUnderWay = (call: DecisionReport | undefined): boolean =>
  call !== undefined && call.verdict !== 'block' && call.end === null && serverNow() - Date.parse(call.at) < HOUR_MS;
const HOUR_MS = 3_600_000;

function Why({ call }: { readonly call: DecisionReport }): ReactNode {
  const zone = useZone();
  const now = useNow();
  const at = Date.parse(call.at);
  return (
    <div className="stack">
      <section className="panel why-head">
        <h2 className="why-call">
          <Verdict verdict={call.verdict} word={texts.did[call.verdict]} />
          <span>{describeCall(call)}</span>
        </h2>
        {explainIt(call, at, now, zone).map((line) => (
          <p key={line}>{line}</p>
        ))}
        <p className="muted why-call">
          <Time at={call.at} /> · <span className="mono">{call.id}</span> · {texts.askedOf(call.node)}
        </p>
        <WhyActions call={call} />
      </section>
      <Layers call={call} />
      <Rules call={call} />
      <Facts call={call} />
    </div>
  );
}

function Layers({ call }: { readonly call: DecisionReport }): ReactNode {
  const decided = layerOf(call);
  const place = LAYERS.indexOf(decided);
  return (
    <ol className="why-layers" aria-label={texts.layers}>
      {LAYERS.map((layer, index) => (
        <li key={layer} data-decided={layer === decided || undefined}>
          <strong>
            {index + 1} {texts.layerNames[layer]}
          </strong>
          {layer === decided ? texts.decided : index > place ? texts.notAsked : saidBefore(call, layer)}
        </li>
      ))}
    </ol>
  );
}

const saidBefore = ({ source }: DecisionReport, layer: (typeof LAYERS)[number]): string =>
  source === null && layer !== 'emergency' ? texts.noAddress : texts.passed;

function Rules({ call }: { readonly call: DecisionReport }): ReactNode {
  const applying = call.findings.filter(({ applies }) => applies);
  const others = call.findings.filter(({ applies }) => !applies);
  const passedOver = others.length + call.rulesNotListed;
  const isRefused = call.verdict === 'block';
  const isTaken = applying.some(({ limits }) => limits.some(({ used, usedAfter }) => used !== usedAfter));
  return (
    <div className="stack">
      {applying.length === 0 ? (
        <p className="muted">{texts.none}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scroller has to be reached by keyboard (WCAG 2.1.1)
        <section className="why-table" tabIndex={0} aria-label={texts.table}>
          <table className="table">
            <thead>
              <tr>
                {[texts.rule, texts.because, texts.whom, texts.count, texts.window, texts.said, texts.from].map(
                  (head) => (
                    <th key={head} scope="col">
                      {head}
                    </th>
                  ),
                )}
              </tr>
            </thead>
            <tbody>
              {applying.map((finding) => (
                <RuleRow key={finding.rule} finding={finding} call={call} />
              ))}
            </tbody>
          </table>
        </section>
      )}
      {isRefused && !isTaken && <p>{texts.nothingTaken}</p>}
      {passedOver > 0 && (
        <details className="why-passed">
          <summary>{texts.notApplying(passedOver)}</summary>
          <ul>
            {others.map(({ rule, name, because }) => (
              <li key={rule}>
                <strong>{name}</strong> <span className="muted">{because}</span>
              </li>
            ))}
            {call.rulesNotListed > 0 && <li className="muted">{texts.notListed(call.rulesNotListed)}</li>}
          </ul>
        </details>
      )}
    </div>
  );
}

function RuleRow({ finding, call }: { readonly finding: FindingReport; readonly call: DecisionReport }): ReactNode {
  const zone = useZone();
  const now = useNow(60_000);
  const at = Date.parse(call.at);
  const { limits, mode, action, exceeded } = finding;
  const verdict = ({ approve: 'hold', block: 'block', alert: 'alert', wait: 'wait' } as const)[action] ?? 'block';
  return (
    <tr>
      <th scope="row">{finding.name}</th>
      <td>{capital(finding.because)}</td>
      <td>
        <Lines of={limits.map(({ subject }) => subject)} />
      </td>
      <td>
        <Lines of={limits.length === 0 ? [texts.noLimit] : limits.map(countOf)} />
      </td>
      <td>
        <Lines
          of={limits.map((each) => {
            const window = windowOf(each, at, now, zone);
            return window === undefined ? each.limit : `${each.limit} · ${window}`;
          })}
        />
      </td>
      <td>
        {exceeded ? (
          <Verdict
            verdict={verdict}
            isShadow={mode === 'shadow'}
            word={finding.rule === call.rule ? texts.decides : undefined}
          />
        ) : (
          <span className="muted">{texts.passes}</span>
        )}
      </td>
      <td>{allowedFrom(finding, at, now, zone)}</td>
    </tr>
  );
}

/** Of a rule with several limits, a line each; the lines of the columns stand beside each other. */
const Lines = ({ of }: { readonly of: readonly string[] }): ReactNode => (
  <span className="why-limits number">
    {of.map((line, index) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: lines that never move
      <span key={index}>{line}</span>
    ))}
  </span>
);

const lastedOf = ({ seconds, talkSeconds }: CallEnd): string =>
  texts.lastedAnd(
    formatDuration(seconds * 1000),
    talkSeconds === null ? callTexts.notAnswered.toLowerCase() : callTexts.talked(formatDuration(talkSeconds * 1000)),
  );

function Facts({ call }: { readonly call: DecisionReport }): ReactNode {
  const facts: readonly (readonly [string, string | null | undefined])[] = [
    [texts.dialled, call.dialled],
    [callTexts.trunks, trunksOf(call)],
    [callTexts.source, call.source],
    [callTexts.campaign, call.campaign],
    [callTexts.agent, call.dialler?.agent],
    [callTexts.dialledBy, call.dialler?.kind],
    [texts.lasted, call.end === null ? null : lastedOf(call.end)],
    [texts.outcome, call.end?.outcome],
    [texts.cost, call.end?.cost == null ? null : costOf(call.end)],
    [texts.took, `${call.tookMs} ms`],
  ];
  return (
    <section className="panel">
      <h2>{texts.facts}</h2>
      <dl className="facts">
        {facts.map(([name, value]) =>
          value == null ? null : (
            <div key={name} className="why-fact">
              <dt>{name}</dt>
              <dd className="mono">{value}</dd>
            </div>
          ),
        )}
        {call.held !== null && <HoldOutcome held={call.held} />}
      </dl>
    </section>
  );
}

/** What became of a call that was held. */
function HoldOutcome({ held }: { readonly held: HoldEnd }): ReactNode {
  const zone = useZone();
  return (
    <div className="why-fact">
      <dt>{texts.held}</dt>
      <dd>
        {holdOf(held)} · {formatMoment(Date.parse(held.at), serverNow(), zone)} · {formatDuration(held.waitedMs)}
      </dd>
    </div>
  );
}
