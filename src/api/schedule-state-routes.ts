/** `policy/schedules`, whether each is open and what comes next; and `schedules/preview`, the same of one that is not saved. */
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { EpochMs } from '../policy/call.ts';
import type { PolicyDocument } from '../policy/document.ts';
import { readPolicyDocument } from '../policy/document.ts';
import { compilePolicy } from '../policy/policy.ts';
import { MINUTE_MS, readWallMinute, type Schedule } from '../policy/schedule.ts';
import { describeSchedule } from '../policy/schedule-week.ts';
import type { PolicyStore } from '../store/policy-store.ts';
import { type Api, instant, list, orNull, text } from './schema.ts';

const state = {
  /** As one sentence. */
  sentence: text,
  zone: text,
  /** By the clock of whoever is called: then what is said of now is for a number of which nothing is known. */
  isCalled: z.boolean(),
  isOpen: z.boolean(),
  /** The next, at most three. */
  changes: list(z.strictObject({ at: instant, opens: z.boolean(), wall: text })),
  /** What the clock on the wall shows: 0 is Monday, minutes after midnight. */
  now: z.strictObject({ weekday: z.number(), minute: z.number() }),
  /** When the clock is next moved, within a year. */
  clockChange: orNull(instant),
};
const listed = z.strictObject({
  id: text,
  name: text,
  ...state,
  usedBy: list(z.strictObject({ id: text, name: text })),
});
const previewed = z.strictObject({
  problems: list(z.strictObject({ path: text, message: text })),
  state: orNull(z.strictObject(state)),
});
export type ListedSchedule = z.infer<typeof listed>;
export type ScheduleState = NonNullable<z.infer<typeof previewed>['state']>;
export type SchedulePreview = z.infer<typeof previewed>;

const DAY_MS = 86_400_000;
const DRAFT = 'draft';
const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

export function scheduleStateRoutes(
  app: Api,
  deps: { readonly policies: Pick<PolicyStore, 'current'>; readonly clock: Pick<Clock, 'now'> },
): void {
  const { policies, clock } = deps;
  app.get(
    '/api/v1/policy/schedules',
    { schema: { summary: 'Whether each schedule is open, and who uses it', response: { 200: list(listed) } } },
    () => {
      const { schedules, document } = policies.current().policy;
      return [...schedules].map(([id, schedule]) => ({
        id,
        name: schedule.document.name ?? id,
        ...stateOf(schedule, clock.now()),
        usedBy: usersOf(document, id),
      }));
    },
  );
  app.post(
    '/api/v1/schedules/preview',
    {
      schema: {
        summary: 'What a schedule would be',
        body: z.strictObject({ schedule: z.record(z.string(), z.unknown()) }),
        response: { 200: previewed },
      },
    },
    ({ body }): SchedulePreview => {
      const { timezone } = policies.current().policy.document;
      const read = readPolicyDocument({ timezone, schedules: { [DRAFT]: body.schedule } });
      if ('problems' in read) {
        const problems = read.problems.map(({ path, message }) => ({
          path: path.replace(`schedules.${DRAFT}`, '').replace(/^\./, ''),
          message,
        }));
        return { problems, state: null };
      }
      const schedule = compilePolicy(read.document).schedules.get(DRAFT);
      return { problems: [], state: schedule === undefined ? null : stateOf(schedule, clock.now()) };
    },
  );
}

const usersOf = ({ rules }: PolicyDocument, id: string) =>
  rules
    .filter(({ during, not }) => during === id || not === id)
    .map((rule) => ({ id: rule.id, name: rule.name ?? rule.id }));

function stateOf(schedule: Schedule, now: EpochMs): ScheduleState {
  const isOpen = schedule.isOpen(now);
  const changes: { at: string; opens: boolean; wall: string }[] = [];
  let at: EpochMs | undefined = now;
  while (changes.length < 3) {
    at = schedule.nextChange(at);
    if (at === undefined) break;
    const { weekday, minute } = readWallMinute(schedule.wallMinute(at));
    const clockTime = new Date(minute * MINUTE_MS).toISOString().slice(11, 16);
    changes.push({ at: new Date(at).toISOString(), opens: schedule.isOpen(at), wall: `${DAYS[weekday]} ${clockTime}` });
  }
  const { weekday, minute } = readWallMinute(schedule.wallMinute(now));
  return {
    sentence: describeSchedule(schedule),
    zone: schedule.zone,
    isCalled: schedule.isCalled,
    isOpen,
    changes,
    now: { weekday, minute },
    clockChange: clockChangeOf(schedule, now),
  };
}

/** The day in which the offset of the zone is another one than the day before. */
function clockChangeOf(schedule: Schedule, now: EpochMs): string | null {
  const offset = (at: number): number => schedule.wallMinute(at as EpochMs) - Math.floor(at / MINUTE_MS);
  const begin = Math.floor(now / DAY_MS) * DAY_MS;
  for (let day = 0; day < 366; day++) {
    let [same, end] = [begin + day * DAY_MS, begin + (day + 1) * DAY_MS];
    if (offset(same) === offset(end)) continue;
    const before = offset(same);
    while (end - same > MINUTE_MS) {
      const middle = same + Math.floor((end - same) / MINUTE_MS / 2) * MINUTE_MS;
      if (offset(middle) === before) same = middle;
      else end = middle;
    }
    if (end > now) return new Date(end).toISOString();
  }
  return null;
}
