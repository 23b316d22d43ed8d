/** The doctor: what is unsafe or missing on this machine, and rules that do not do what was meant. It changes nothing. */
import { Button } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck, IconCircleX, IconHelpCircle } from '@tabler/icons-react';
import type { ComponentType, ReactNode } from 'react';
import { Link } from 'react-router';
import type { RulesDoctorReport } from '../../../api/doctor-routes.ts';
import type { MachineReport } from '../../../doctor/doctor.ts';
import type { Level, MachineFinding } from '../../../doctor/finding.ts';
import type { RuleFinding } from '../../../policy/rules-doctor.ts';
import { useApi } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { Copyable } from '../../parts/copy-button.tsx';
import { formatCount, sentence } from '../../parts/format.ts';
import { Failed, Loading, Shown } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { healthTexts } from '../../texts/health.ts';

const texts = healthTexts.doctor;

export function DoctorTab(): ReactNode {
  const { may } = useSession();
  return (
    <div className="stack health-doctor">
      {may('settings:write') ? <Machine /> : <p className="muted">{texts.ownerOnly}</p>}
      {may('policy:read') && <Rules />}
    </div>
  );
}

const ICONS: Readonly<Record<Level, ComponentType<{ size?: number; stroke?: number }>>> = {
  bad: IconCircleX,
  warn: IconAlertTriangle,
  unknown: IconHelpCircle,
  ok: IconCircleCheck,
};

const LEVELS: readonly Level[] = ['bad', 'warn', 'unknown', 'ok'];

function Machine(): ReactNode {
  const found = useApi<MachineReport>('doctor/machine');
  if (found.data === undefined)
    return found.error === null ? (
      <>
        <p>{texts.looking}</p>
        <Loading rows={8} />
      </>
    ) : (
      <Failed error={found.error} retry={() => void found.refetch()} />
    );
  const { at, counts, findings } = found.data;
  const families = [...new Set(findings.map(({ family }) => family))];
  return (
    <>
      <section className="panel health-doctor-head">
        <div>
          <h2>{texts.counts(counts.bad, counts.warn, counts.unknown, counts.ok)}</h2>
          <p className="muted">
            {texts.lookedAt} <Time at={at} />. {texts.changesNothing}
          </p>
        </div>
        <Button loading={found.isFetching} onClick={() => void found.refetch()}>
          {texts.again}
        </Button>
      </section>
      {families.map((family) => (
        <Family
          key={family}
          name={texts.families[family]}
          findings={findings.filter((each) => each.family === family)}
        />
      ))}
    </>
  );
}

function Family({
  name,
  findings,
}: {
  readonly name: string;
  readonly findings: readonly MachineFinding[];
}): ReactNode {
  const sorted = findings.toSorted((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
  return (
    <section>
      <h2>{name}</h2>
      <ul className="health-findings">
        {sorted.map(({ check, level, what, why, command }) => (
          <li key={check}>
            <LevelMark level={level} />
            <div>
              <strong className="health-what">{sentence(what)}</strong>
              {level !== 'ok' && <p className="muted">{sentence(why)}</p>}
              {command !== '' && <Copyable text={command} label={what} />}
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function LevelMark({ level }: { readonly level: Level }): ReactNode {
  const Icon = ICONS[level];
  return (
    <span className="health-level" data-level={level}>
      <Icon size={16} stroke={1.75} aria-hidden />
      {texts.levels[level]}
    </span>
  );
}

const LEVEL_OF: Readonly<Record<RuleFinding['severity'], Level>> = { error: 'bad', warning: 'warn', info: 'unknown' };

function Rules(): ReactNode {
  const found = useApi<RulesDoctorReport>('doctor/rules');
  return (
    <section>
      <h2>{texts.rules}</h2>
      <Shown found={found}>
        {({ days, calls, rules, findings }) => (
          <>
            <p className="muted">{texts.counted(formatCount(rules), formatCount(calls), days)}</p>
            {findings.length === 0 && <p>{texts.rulesWell}</p>}
            <ul className="health-findings">
              {findings.map((finding) => (
                <li key={`${finding.rule} ${finding.check}`}>
                  <LevelMark level={LEVEL_OF[finding.severity]} />
                  <div>
                    <strong className="health-what">{sentence(finding.what)}</strong>
                    <p className="muted">{sentence(finding.why)}</p>
                    <p>
                      {texts.rule} <Link to={`/rules/${encodeURIComponent(finding.rule)}`}>{finding.rule}</Link>
                    </p>
                    {finding.command !== '' && <Copyable text={finding.command} label={finding.what} />}
                  </div>
                </li>
              ))}
            </ul>
          </>
        )}
      </Shown>
    </section>
  );
}
