/** One schedule: the week as a grid and as a list of windows, holidays, and what it says, from the daemon. */

import { Button, TextInput } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import type { SchedulePreview, ScheduleState } from '../../../api/schedule-state-routes.ts';
import type { ScheduleDocument } from '../../../policy/schedule.ts';
import { ApiError, api, receive } from '../../api/client.ts';
import { useRefresh, useTagged } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { announce } from '../../frame/announcer.tsx';
import { usePhone } from '../../frame/phone.ts';
import { useAction } from '../../parts/action.ts';
import { useAddressValue } from '../../parts/address-state.ts';
import { sentence } from '../../parts/format.ts';
import { Screen } from '../../parts/screen.tsx';
import { ChangedMeanwhile, ErrorText, Failed, Loading, NotFound, Shown } from '../../parts/states.tsx';
import { TabLinks } from '../../parts/tab-links.tsx';
import { say } from '../../parts/undo.tsx';
import { UnsavedBar, UnsavedGuard } from '../../parts/unsaved.tsx';
import { rulesTexts } from '../../texts/rules.ts';
import { schedulesTexts } from '../../texts/schedules.ts';
import { freeId, freeName } from '../rules/draft.ts';
import { type PolicyAnswer, usePolicy } from '../rules/rule-data.ts';
import { Said } from './said.tsx';
import { nextOf } from './schedules-screen.tsx';
import { WeekGrid } from './week-grid.tsx';
import { WeekPicture } from './week-picture.tsx';
import { WindowList } from './window-list.tsx';
import { Holidays, Zone } from './zone-and-holidays.tsx';
import '../rules/rules.css';
import './schedules.css';

const texts = schedulesTexts.form;
type Saved = ScheduleDocument & { readonly id: string };

/** `schedules/edit/ID`. */
export function EditScheduleScreen(): ReactNode {
  const { id = '' } = useParams();
  const found = useTagged<Saved>(`schedules/${encodeURIComponent(id)}`);
  const policy = usePolicy();
  const [round, setRound] = useState(0);
  const reload = (): void => void found.refetch().then(() => setRound(round + 1));
  if (found.error instanceof ApiError && found.error.status === 404) return <NotFound>{found.error.message}</NotFound>;
  return (
    <Shown found={found} rows={10}>
      {({ body, etag }) => (
        <Shown found={policy} rows={10}>
          {(loaded) => {
            const { id: _, ...start } = body;
            return (
              <ScheduleForm
                key={`${id} ${round}`}
                id={id}
                etag={etag}
                start={start}
                policy={loaded}
                onReload={reload}
              />
            );
          }}
        </Shown>
      )}
    </Shown>
  );
}

/** `schedules/new`. */
export function NewScheduleScreen(): ReactNode {
  const policy = usePolicy();
  return (
    <Shown found={policy} rows={10}>
      {(loaded) => <ScheduleForm start={{ name: '', windows: [], holidays: [] }} policy={loaded} />}
    </Shown>
  );
}

function useSchedulePreview(schedule: ScheduleDocument) {
  const [asked, ask] = useState(schedule);
  useEffect(() => {
    const timer = setTimeout(() => ask(schedule), 250);
    return () => clearTimeout(timer);
  }, [schedule]);
  return useQuery<SchedulePreview, Error>({
    queryKey: ['schedules', 'preview', asked],
    queryFn: ({ signal }) => api<SchedulePreview>('POST', 'schedules/preview', { body: { schedule: asked }, signal }),
    placeholderData: (before) => before,
  });
}

function ScheduleForm({
  id,
  etag: latestTag,
  start: latest,
  policy: { document },
  onReload,
}: {
  readonly id?: string;
  readonly etag?: string | undefined;
  readonly start: ScheduleDocument;
  readonly policy: PolicyAnswer;
  readonly onReload?: () => void;
}): ReactNode {
  // As it was when the form was opened: what others save meanwhile is a conflict.
  const [{ start, etag }] = useState({ start: latest, etag: latestTag });
  const { may } = useSession();
  const readOnly = !may('policy:write');
  const navigate = useNavigate();
  const refresh = useRefresh();
  const isPhone = usePhone();
  const [tab] = useAddressValue('tab');
  const [schedule, setSchedule] = useState(start);
  const [isSaved, setSaved] = useState(false);
  const [isTried, setTried] = useState(false);
  const { isRunning, error, run, forget } = useAction();
  const preview = useSchedulePreview(schedule);
  const state = preview.data?.state ?? undefined;
  const problems = preview.data?.problems ?? [];
  const said = state?.sentence;
  useEffect(() => {
    if (said === undefined) return;
    const timer = setTimeout(() => announce(texts.announced(said)), 800);
    return () => clearTimeout(timer);
  }, [said]);
  useEffect(() => {
    if (isSaved) void navigate('/schedules');
  }, [isSaved, navigate]);

  const name = (schedule.name ?? '').trim();
  const taken = Object.entries(document.schedules).flatMap(([other, each]) =>
    other === id ? [] : [each.name ?? other],
  );
  const nameProblem =
    id === undefined && name === ''
      ? texts.nameMissing
      : taken.includes(name)
        ? texts.nameTaken(name, freeName(name, taken))
        : undefined;
  const changes = countChanges(start, schedule);
  const save = (isOverwriting = false): void => {
    setTried(true);
    if (nameProblem !== undefined || problems.length > 0) return;
    void run(async () => {
      const known = Object.keys(document.schedules);
      const path = `schedules/${encodeURIComponent(id ?? freeId(name, known))}`;
      const { name: _, ...rest } = schedule;
      const body = name === '' ? rest : { ...rest, name };
      const { inForce } = await receive('PUT', path, {
        body,
        ...(isOverwriting || etag === undefined ? {} : { ifMatch: etag }),
      });
      await refresh('schedules', 'policy', 'doctor');
      say(schedulesTexts.saved(name === '' ? (id ?? '') : name, rulesTexts.onNodes(inForce)));
      setSaved(true);
    });
  };
  const windows = (
    <WindowList
      windows={schedule.windows}
      onChange={(after) => setSchedule({ ...schedule, windows: after })}
      readOnly={readOnly}
      problemOf={(at) => problems.find(({ path }) => path.startsWith(`windows[${at}]`))?.message}
    />
  );
  const general = problems.filter(({ path }) => !path.startsWith('windows['));
  const isConflict = error instanceof ApiError && error.status === 409;
  const now = state === undefined || state.isCalled ? undefined : state.now;
  return (
    <Screen
      title={id === undefined ? texts.add : texts.edit(start.name ?? id)}
      purpose={state === undefined ? texts.help : <Standing state={state} />}
    >
      {isSaved ? null : id === undefined ? <UnsavedGuard isDirty={changes > 0} /> : null}
      <div className="schedule-head">
        <TextInput
          label={texts.name}
          value={schedule.name ?? ''}
          maxLength={127}
          disabled={readOnly}
          error={isTried || name !== '' ? nameProblem : undefined}
          onChange={(event) => setSchedule({ ...schedule, name: event.currentTarget.value })}
        />
        <Zone
          value={schedule.timezone}
          policyZone={document.timezone}
          readOnly={readOnly}
          onChange={(timezone) => {
            const { timezone: _, ...rest } = schedule;
            setSchedule(timezone === undefined ? rest : { ...rest, timezone });
          }}
        />
      </div>
      <TabLinks
        name="tab"
        current={tab}
        panel="schedule-panel"
        tabs={[
          { value: '', label: texts.tabs.week },
          {
            value: 'holidays',
            label: `${texts.tabs.holidays} ${schedule.holidays.length === 0 ? '' : schedule.holidays.length}`,
          },
        ]}
      />
      <div id="schedule-panel" className="schedule-panel">
        <div className="stack">
          {tab === 'holidays' ? (
            <Holidays
              dates={schedule.holidays}
              readOnly={readOnly}
              onChange={(holidays) => setSchedule({ ...schedule, holidays })}
            />
          ) : isPhone ? (
            <>
              <WeekPicture windows={schedule.windows} now={now} days={[now?.weekday ?? 0]} />
              {windows}
            </>
          ) : (
            <>
              <WeekGrid
                windows={schedule.windows}
                now={now}
                readOnly={readOnly}
                onChange={(after) => setSchedule({ ...schedule, windows: after })}
              />
              {windows}
            </>
          )}
        </div>
        <section className="panel stack" aria-label={texts.said} aria-busy={preview.isPlaceholderData}>
          {preview.error !== null && preview.data === undefined ? (
            <Failed error={preview.error} />
          ) : preview.data === undefined ? (
            <Loading rows={4} />
          ) : state === undefined ? (
            <>
              <h2>{texts.problems}</h2>
              <ul className="answer-list">
                {(general.length > 0 ? general : problems).map(({ path, message }) => (
                  <li key={`${path} ${message}`}>
                    <IconAlertTriangle size={16} stroke={1.75} aria-hidden />
                    <span>{sentence(message)}</span>
                  </li>
                ))}
              </ul>
            </>
          ) : (
            <Said state={state} schedule={schedule} />
          )}
        </section>
      </div>
      {isConflict && error !== undefined ? (
        <ChangedMeanwhile
          error={error as ApiError}
          onReload={() => {
            forget();
            onReload?.();
          }}
          onOverwrite={() => save(true)}
        />
      ) : null}
      {id === undefined ? (
        <>
          {error !== undefined && !isConflict && <ErrorText error={error} />}
          <div className="row">
            <Button component={Link} to="/schedules">
              {texts.cancel}
            </Button>
            <Button variant="filled" loading={isRunning} disabled={readOnly} onClick={() => save()}>
              {texts.save}
            </Button>
          </div>
        </>
      ) : (
        <UnsavedBar
          changes={isSaved ? 0 : changes}
          isSaving={isRunning}
          error={isConflict ? undefined : error}
          onSave={() => save()}
          onDiscard={() => setSchedule(start)}
        />
      )}
    </Screen>
  );
}

/** How many of its parts are others than at the start. */
function countChanges(start: ScheduleDocument, now: ScheduleDocument): number {
  const keys = ['name', 'timezone', 'windows', 'holidays'] as const;
  return keys.filter((key) => JSON.stringify(start[key] ?? '') !== JSON.stringify(now[key] ?? '')).length;
}

const Standing = ({ state }: { readonly state: ScheduleState }): ReactNode => (
  <>
    {state.isCalled ? schedulesTexts.called : state.zone} · {state.isOpen ? schedulesTexts.open : schedulesTexts.closed}{' '}
    · {nextOf(state)}
  </>
);
