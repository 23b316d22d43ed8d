/**
 * The week as a grid of half hours: one Tab stop, moved in by arrows, painted by Space or the mouse. Every painting can be
 * done in the list of windows as well. A half hour that is open in part is drawn half.
 */
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import type { ScheduleWindow } from '../../../policy/schedule.ts';
import { announce } from '../../frame/announcer.tsx';
import { schedulesTexts } from '../../texts/schedules.ts';
import {
  added,
  CELL,
  CELLS,
  clock,
  crossings,
  DAYS,
  merged,
  openness,
  partOf,
  type Span,
  spansOf,
  windowsOf,
  without,
} from './week.ts';
import type { WallNow } from './week-picture.tsx';

const texts = schedulesTexts.form;
const HOURS = Array.from({ length: 12 }, (_, at) => at * 2);

interface Place {
  readonly day: number;
  readonly cell: number;
}

export function WeekGrid({
  windows,
  onChange,
  now,
  readOnly,
}: {
  readonly windows: readonly ScheduleWindow[];
  readonly onChange: (windows: ScheduleWindow[]) => void;
  readonly now: WallNow | undefined;
  readonly readOnly: boolean;
}): ReactNode {
  const [at, setAt] = useState<Place>({ day: 0, cell: 18 });
  const [anchor, setAnchor] = useState<Place>({ day: 0, cell: 18 });
  const [isPainting, setPainting] = useState<'open' | 'closed'>();
  // What Esc restores: as it was when the grid was entered.
  const entered = useRef(windows);
  const grid = useRef<HTMLTableElement>(null);
  const spans = spansOf(windows);
  const open = merged(spans);

  const isSelected = ({ day, cell }: Place): boolean =>
    day >= Math.min(at.day, anchor.day) &&
    day <= Math.max(at.day, anchor.day) &&
    cell >= Math.min(at.cell, anchor.cell) &&
    cell <= Math.max(at.cell, anchor.cell);
  const stateAt = ({ day, cell }: Place) => openness(open, day * CELLS + cell);

  const paint = (to: 'open' | 'closed', from: Place = anchor, until: Place = at): void => {
    if (readOnly) return;
    const [first, last] = [Math.min(from.cell, until.cell), Math.max(from.cell, until.cell)];
    let painted: readonly Span[] = open;
    let cells = 0;
    for (let day = Math.min(from.day, until.day); day <= Math.max(from.day, until.day); day++) {
      const span = { from: (day * CELLS + first) * CELL, to: (day * CELLS + last + 1) * CELL };
      painted = to === 'open' ? added(painted, span) : without(painted, span);
      cells += last - first + 1;
    }
    onChange(windowsOf(painted));
    announce(texts.selected(cells, texts.states[to]));
  };

  const go = (to: Place, isExtending: boolean): void => {
    const place = { day: Math.max(0, Math.min(6, to.day)), cell: Math.max(0, Math.min(CELLS - 1, to.cell)) };
    setAt(place);
    if (!isExtending) setAnchor(place);
    grid.current?.querySelector<HTMLElement>(`[data-place="${place.day} ${place.cell}"]`)?.focus();
  };
  /** To the next half hour that is not as this one. */
  const edge = (step: -1 | 1): Place => {
    const state = stateAt(at);
    let cell = at.cell + step;
    while (cell > 0 && cell < CELLS - 1 && stateAt({ day: at.day, cell }) === state) cell += step;
    return { day: at.day, cell };
  };
  const placeAfter = (key: string, isJump: boolean): Place | undefined => {
    switch (key) {
      case 'ArrowLeft':
        return isJump ? edge(-1) : { ...at, cell: at.cell - 1 };
      case 'ArrowRight':
        return isJump ? edge(1) : { ...at, cell: at.cell + 1 };
      case 'ArrowUp':
        return { ...at, day: isJump ? 0 : at.day - 1 };
      case 'ArrowDown':
        return { ...at, day: isJump ? 6 : at.day + 1 };
      case 'Home':
        return { ...at, cell: 0 };
      case 'End':
        return { ...at, cell: CELLS - 1 };
      default:
        return undefined;
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const isJump = event.ctrlKey || event.metaKey;
    const move = placeAfter(event.key, isJump);
    if (move !== undefined) go(move, event.shiftKey);
    else if (event.key === ' ') paint(stateAt(anchor) === 'open' ? 'closed' : 'open');
    else if (event.key === 'Delete' || event.key === 'Backspace') paint('closed');
    else if (event.key === 'Escape') onChange([...entered.current]);
    else return;
    event.preventDefault();
  };

  useEffect(() => {
    if (isPainting === undefined) return;
    const stop = (): void => setPainting(undefined);
    addEventListener('pointerup', stop);
    return () => removeEventListener('pointerup', stop);
  }, [isPainting]);

  return (
    <div className="week-scroller">
      <table
        ref={grid}
        // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a table that is moved in by arrows is a grid
        role="grid"
        aria-label={texts.grid}
        aria-describedby="week-grid-help"
        aria-readonly={readOnly || undefined}
        className="week-grid"
        onFocus={(event) => {
          if (!event.currentTarget.contains(event.relatedTarget)) entered.current = windows;
        }}
      >
        <thead>
          <tr>
            <td />
            {HOURS.map((hour) => (
              <th key={hour} scope="col" colSpan={4}>
                {String(hour).padStart(2, '0')}
              </th>
            ))}
            <td />
          </tr>
        </thead>
        <tbody>
          {DAYS.map((name, day) => {
            const { comes, goes } = crossings(spans, day);
            return (
              <tr key={name}>
                <th scope="row">
                  {schedulesTexts.shortDays[day]}
                  <span aria-hidden className="week-arrow">
                    {comes ? '→' : ''}
                  </span>
                </th>
                {Array.from({ length: CELLS }, (_, cell) => {
                  const place = { day, cell };
                  const state = stateAt(place);
                  const isHere = at.day === day && at.cell === cell;
                  const isNow = now?.weekday === day && Math.floor(now.minute / CELL) === cell;
                  return (
                    <td
                      // biome-ignore lint/suspicious/noArrayIndexKey: its place in the day
                      key={cell}
                      // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a cell of that grid
                      role="gridcell"
                      data-place={`${day} ${cell}`}
                      data-state={state}
                      data-now={isNow || undefined}
                      aria-selected={isSelected(place)}
                      aria-label={texts.cell(
                        schedulesTexts.days[day] ?? '',
                        clock(cell * CELL),
                        clock((cell + 1) * CELL),
                        texts.states[state],
                        state === 'closed' ? undefined : partOf(spans, day * CELLS + cell),
                      )}
                      tabIndex={isHere ? 0 : -1}
                      onKeyDown={onKeyDown}
                      onPointerDown={(event) => {
                        if (readOnly || event.pointerType === 'touch') return;
                        event.preventDefault();
                        const to = state === 'open' ? 'closed' : 'open';
                        setPainting(to);
                        go(place, event.shiftKey);
                        paint(to, event.shiftKey ? anchor : place, place);
                      }}
                      onPointerEnter={() => {
                        if (isPainting === undefined) return;
                        setAt(place);
                        paint(isPainting, anchor, place);
                      }}
                    />
                  );
                })}
                <td aria-hidden className="week-arrow">
                  {goes ? '→' : ''}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <p id="week-grid-help" className="muted small">
        {texts.gridHelp}
      </p>
    </div>
  );
}
