/**
 * "Raise this limit for…": more calls of the rule that decided, for whom it counted, until a time. What each choice comes to
 * is asked of the daemon before it is chosen; it takes effect at once and can be taken back.
 */
import { Button, Menu } from '@mantine/core';
import { IconChevronDown, IconDots } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import type { GrantReport } from '../../../approvals/grant.ts';
import type { DecisionReport, LimitReport } from '../../../gate/report.ts';
import { api } from '../../api/client.ts';
import { useRefresh } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { useSession } from '../../api/session.tsx';
import { formatCount, formatMoment } from '../../parts/format.ts';
import { ErrorText, Loading } from '../../parts/states.tsx';
import { useZone } from '../../parts/time.tsx';
import { say, sayProblem } from '../../parts/undo.tsx';
import { callTexts } from '../../texts/calls.ts';
import type { CallRow } from './call-rows.ts';
import { readSubject, type Whose } from './why.ts';

const texts = callTexts.raise;

interface Raisable {
  readonly rule: string;
  readonly name: string;
  readonly subject: Whose;
  readonly limit: LimitReport;
}

/** What could be raised for the same call to go; undefined where it was no limit of calls that kept it. */
export function raisableOf({ verdict, layer, rule, findings }: DecisionReport): Raisable | undefined {
  if (layer !== 'rules' || (verdict !== 'block' && verdict !== 'hold')) return undefined;
  const finding = findings.find((each) => each.rule === rule);
  const limit = finding?.limits.find(({ kind, remaining }) => kind === 'limits' && remaining === 0);
  const subject = limit === undefined ? undefined : readSubject(limit.subject);
  if (finding === undefined || limit === undefined || subject === undefined) return undefined;
  return { rule: finding.rule, name: finding.name, subject, limit };
}

const CHOICES = [
  { id: 'half', label: texts.half, lasts: { minutes: 30 } },
  { id: 'hour', label: texts.hour, lasts: { minutes: 60 } },
  { id: 'day', label: texts.day, lasts: { untilEndOfDay: true } },
] as const;

function Choices({ raisable: { rule, name, subject, limit } }: { readonly raisable: Raisable }): ReactNode {
  const refresh = useRefresh();
  const zone = useZone();
  const bodyOf = (lasts: (typeof CHOICES)[number]['lasts']) => ({ rule, subject, ...lasts });
  const { data, error } = useQuery({
    queryKey: ['raise', rule, subject],
    queryFn: () =>
      Promise.all(CHOICES.map(({ lasts }) => api<GrantReport>('POST', 'grants?dryRun=true', { body: bodyOf(lasts) }))),
    staleTime: 0,
    retry: false,
  });
  const raise = async (lasts: (typeof CHOICES)[number]['lasts']): Promise<void> => {
    try {
      const made = await api<GrantReport>('POST', 'grants', { body: bodyOf(lasts) });
      await refresh('grants', 'approvals');
      say(texts.done(formatCount(made.calls ?? 0), made.subjects.join(', '), name), async () => {
        await api('DELETE', `grants/${made.id}`);
        await refresh('grants', 'approvals');
      });
    } catch (problem) {
      sayProblem(problem instanceof Error ? problem.message : String(problem));
    }
  };
  if (error !== null) return <ErrorText error={error} />;
  if (data === undefined) return <Loading rows={3} height={28} />;
  return (
    <>
      <Menu.Label>{texts.of(name, limit.limit, limit.subject)}</Menu.Label>
      {CHOICES.map(({ id, label, lasts }, at) => {
        const grant = data[at];
        return (
          <Menu.Item key={id} onClick={() => void raise(lasts)}>
            {label}
            {grant !== undefined && (
              <span className="raise-means muted">
                {texts.more(formatCount(grant.calls ?? 0), formatMoment(Date.parse(grant.until), serverNow(), zone))}
              </span>
            )}
          </Menu.Item>
        );
      })}
      <Menu.Label>{texts.help}</Menu.Label>
    </>
  );
}

/** In the why-view; nothing where there is no limit to raise. */
export function RaiseButton({ call }: { readonly call: DecisionReport }): ReactNode {
  const { may } = useSession();
  const raisable = raisableOf(call);
  if (raisable === undefined) return null;
  if (!may('approvals:decide'))
    return (
      <Button disabled title={texts.whoCan}>
        {texts.button}
      </Button>
    );
  return (
    <Menu position="bottom-start" withinPortal={false} width={300} withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <Button rightSection={<IconChevronDown size={16} stroke={1.75} />}>{texts.button}</Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Choices raisable={raisable} />
      </Menu.Dropdown>
    </Menu>
  );
}

/** Whether a row may have something to raise; what it is, its decision says. */
const mayRaise = ({ verdict, layer, rule }: CallRow): boolean =>
  layer === 'rules' && rule !== null && (verdict === 'block' || verdict === 'hold');

/** At the end of a row: why, and more calls. */
export function RowActions({ row, onWhy }: { readonly row: CallRow; readonly onWhy: () => void }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const name = texts.actions(row.extension ?? callTexts.unknownExtension, row.destination);
  // A menu of its own for each of a hundred rows would make them slow to scroll.
  const dots = (
    <button
      type="button"
      className="row-dots"
      aria-haspopup="menu"
      aria-expanded={isOpen}
      aria-label={name}
      onClick={() => setOpen(!isOpen)}
    >
      <IconDots size={16} stroke={1.75} aria-hidden />
    </button>
  );
  if (!isOpen) return dots;
  return (
    <Menu position="bottom-end" opened onChange={setOpen} width={300} withInitialFocusPlaceholder={false}>
      <Menu.Target>{dots}</Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={onWhy}>{callTexts.why.key}</Menu.Item>
        {mayRaise(row) && <OfRow id={row.id} />}
      </Menu.Dropdown>
    </Menu>
  );
}

function OfRow({ id }: { readonly id: string }): ReactNode {
  const { may } = useSession();
  const { data, error } = useQuery({
    queryKey: ['decision', id],
    queryFn: ({ signal }) => api<DecisionReport>('GET', `calls/${encodeURIComponent(id)}`, { signal }),
  });
  if (error !== null) return <ErrorText error={error} />;
  if (data === undefined) return <Loading rows={1} height={28} />;
  const raisable = raisableOf(data);
  if (raisable === undefined) return null;
  return (
    <>
      <Menu.Divider />
      {may('approvals:decide') ? (
        <>
          <Menu.Label>{texts.button}</Menu.Label>
          <Choices raisable={raisable} />
        </>
      ) : (
        <Menu.Item disabled title={texts.whoCan}>
          {texts.button}
        </Menu.Item>
      )}
    </>
  );
}
