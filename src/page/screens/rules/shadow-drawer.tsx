/** What a rule in shadow would have done, and the button that makes it act. */
import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import type { ShadowReport } from '../../../gate/shadow-report.ts';
import { useApi } from '../../api/queries.ts';
import { useAddressValue } from '../../parts/address-state.ts';
import { formatCount } from '../../parts/format.ts';
import { SideDrawer } from '../../parts/side-drawer.tsx';
import { Shown } from '../../parts/states.tsx';
import { rulesTexts } from '../../texts/rules.ts';
import { usePolicy, useRuleActions } from './rule-data.ts';
import { ruleName } from './rule-words.ts';

const texts = rulesTexts.shadow;

export function ShadowDrawer(): ReactNode {
  const { id = '' } = useParams();
  const [hours, setHours] = useAddressValue('hours');
  const span = hours === '168' ? 168 : 24;
  const report = useApi<ShadowReport>(`rules/${encodeURIComponent(id)}/shadow-report?hours=${span}`, {
    everyMs: 30_000,
    keepsOld: true,
  });
  const rule = usePolicy().data?.document.rules.find((each) => each.id === id);
  const { turn, mayWrite } = useRuleActions();
  const navigate = useNavigate();
  const isShadow = rule?.mode === 'shadow';
  return (
    <SideDrawer title={texts.title(rule === undefined ? id : ruleName(rule))} closesTo="/rules">
      <div className="stack">
        <div className="row">
          {([24, 168] as const).map((each) => (
            <Button
              key={each}
              size="compact-sm"
              aria-pressed={span === each}
              variant={span === each ? 'filled' : 'default'}
              onClick={() => setHours(each === 24 ? '' : '168')}
            >
              {each === 24 ? texts.lastDay : texts.lastWeek}
            </Button>
          ))}
        </div>
        <Shown found={report}>
          {({ calls, refusedAnyway, extensions, complete }) => (
            <>
              {calls === 0 ? (
                <p>{texts.none}</p>
              ) : (
                <dl className="facts">
                  <dt>{texts.calls}</dt>
                  <dd className="number">{formatCount(calls)}</dd>
                  <dt>{texts.anyway}</dt>
                  <dd className="number">{formatCount(refusedAnyway)}</dd>
                  <dt>{texts.who}</dt>
                  <dd>
                    <ul>
                      {extensions.map(({ extension, calls: count }) => (
                        <li key={extension ?? ''}>
                          <span className="mono">{extension ?? rulesTexts.answer.unknownExtension}</span> ·{' '}
                          {rulesTexts.answer.calls(formatCount(count))}
                        </li>
                      ))}
                    </ul>
                  </dd>
                </dl>
              )}
              {!complete && <p className="muted">{texts.incomplete}</p>}
              {calls > 0 && (
                <p>
                  <Link to={`/calls?rule=${encodeURIComponent(id)}`}>{texts.seeCalls}</Link>
                </p>
              )}
            </>
          )}
        </Shown>
        <p className="muted">{isShadow ? texts.stay : texts.already}</p>
        {rule !== undefined && isShadow && (
          <div className="row">
            <Button
              variant="filled"
              disabled={!mayWrite}
              title={mayWrite ? undefined : rulesTexts.mayNotWrite}
              onClick={() => void turn(rule, 'enforce').then(() => navigate('/rules', { state: { keepsFocus: true } }))}
            >
              {texts.enforce}
            </Button>
          </div>
        )}
      </div>
    </SideDrawer>
  );
}
