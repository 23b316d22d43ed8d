/**
 * Bars of one minute each, from 0, stacked. Minutes of which nothing is known are hatched over the full height, and the
 * one under way is pale and has an open edge. Beside the picture: a sentence that says the same, the value under the
 * cursor, and all of it as a table. Charts of one group have one cursor.
 *
 * Keys in it: left and right move the cursor, Enter chooses its minute, `t` turns into a table. Dragging chooses minutes.
 */
import { Button } from '@mantine/core';
import { type KeyboardEvent, type ReactNode, useEffect, useEffectEvent, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { announce } from '../../frame/announcer.tsx';
import { formatClock, formatCount } from '../../parts/format.ts';
import { useZone } from '../../parts/time.tsx';
import { dashboardTexts } from '../../texts/dashboard.ts';
import { type Count, gapsIn, stacked, sumOf } from './minutes.ts';
import { drawGap, drawOpenEdge, fillOf, type Ink, inkOf } from './patterns.ts';

const texts = dashboardTexts.charts;
const HEIGHT = 120;
const MINUTE_MS = 60_000;

export interface ChartSeries {
  readonly ink: Ink;
  readonly name: string;
  readonly counts: readonly Count[];
}

export function MinuteChart({
  title,
  summary,
  times,
  series,
  legend,
  onChoose,
}: {
  readonly title: string;
  readonly summary: string;
  /** When each minute began, ISO 8601. */
  readonly times: readonly string[];
  /** From the base up. */
  readonly series: readonly ChartSeries[];
  readonly legend?: ((series: ChartSeries) => ReactNode) | undefined;
  /** Absent: nothing to choose. */
  readonly onChoose?: (since: string, until: string) => void;
}): ReactNode {
  const [off, setOff] = useState<ReadonlySet<Ink>>(new Set());
  const [isTable, setTable] = useState(false);
  const [at, setAt] = useState<number>();
  const zone = useZone();
  const shown = series.filter(({ ink }) => !off.has(ink));
  const clock = (index: number): string => formatClock(Date.parse(times[index] ?? ''), zone).slice(0, 5);
  const last = times.length - 1;
  const isKnown = (index: number): boolean => series[0]?.counts[index] != null;
  const valueAt = (index: number): string =>
    texts.value(
      index === last ? texts.underWay(clock(index)) : clock(index),
      isKnown(index)
        ? shown.map(({ name, counts }) => `${name} ${formatCount(counts[index] ?? 0)}`).join(', ')
        : texts.unknown,
    );
  const choose = (index: number): void =>
    onChoose?.(times[index] ?? '', new Date(Date.parse(times[index] ?? '') + MINUTE_MS - 1).toISOString());
  const plot = useRef<uPlot>(undefined);
  const byKey = useRef(false);
  /** What was turned into by key goes on having the focus. */
  const takesFocus = (element: HTMLElement | null): void => {
    if (element === null || !byKey.current) return;
    byKey.current = false;
    element.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 't') {
      byKey.current = true;
      setTable(!isTable);
      event.stopPropagation();
    } else if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
      const next = (at ?? times.length) + (event.key === 'ArrowLeft' ? -1 : 1);
      const index = Math.max(0, Math.min(times.length - 1, next));
      setAt(index);
      announce(valueAt(index));
      const chart = plot.current;
      chart?.setCursor({ left: chart.valToPos(Date.parse(times[index] ?? '') / 1000, 'x'), top: HEIGHT / 2 });
      event.preventDefault();
    } else if (event.key === 'Enter' && at !== undefined && event.target === event.currentTarget) {
      choose(at);
    }
  };
  return (
    <section className="chart panel" aria-label={title}>
      <div className="chart-head">
        <h2>{title}</h2>
        <span className="muted">{texts.perMinute}</span>
        <Button variant="subtle" size="compact-sm" onClick={() => setTable(!isTable)}>
          {isTable ? texts.asChart : texts.asTable}
        </Button>
      </div>
      <p>{summary}</p>
      {isTable ? (
        <MinuteTable
          title={title}
          series={series}
          clock={(index) => (index === last ? texts.underWay(clock(index)) : clock(index))}
          count={times.length}
          onChoose={onChoose === undefined ? undefined : choose}
          place={takesFocus}
          onKeyDown={onKeyDown}
        />
      ) : (
        <div
          className="chart-plot"
          ref={takesFocus}
          role="img"
          aria-label={`${title}. ${summary} ${onChoose === undefined ? texts.use : `${texts.use} ${texts.useCalls}`}`}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: the cursor has to be moved by keyboard
          tabIndex={0}
          onKeyDown={onKeyDown}
        >
          <Plot plot={plot} times={times} series={shown} onCursor={setAt} onChoose={onChoose} zone={zone} />
        </div>
      )}
      <div className="chart-foot">
        {legend !== undefined &&
          series.map((each) => (
            <button
              key={each.ink}
              type="button"
              className="chart-legend"
              aria-pressed={!off.has(each.ink)}
              onClick={() => {
                const after = new Set(off);
                if (!after.delete(each.ink)) after.add(each.ink);
                setOff(after);
              }}
            >
              {legend(each)}{' '}
              <span className="number">
                {formatCount(at === undefined ? sumOf(each.counts) : (each.counts[at] ?? 0))}
              </span>
            </button>
          ))}
        {!isTable && (
          <span className="muted number chart-value">
            {at === undefined ? '' : legend === undefined ? valueAt(at) : clock(at)}
          </span>
        )}
      </div>
    </section>
  );
}

function MinuteTable({
  title,
  series,
  clock,
  count,
  onChoose,
  place,
  onKeyDown,
}: {
  readonly title: string;
  readonly series: readonly ChartSeries[];
  readonly clock: (index: number) => string;
  readonly count: number;
  readonly onChoose: ((index: number) => void) | undefined;
  readonly place: (element: HTMLElement | null) => void;
  readonly onKeyDown: (event: KeyboardEvent) => void;
}): ReactNode {
  const minutes = Array.from({ length: count }, (_, index) => count - 1 - index);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scroller has to be reached by keyboard (WCAG 2.1.1)
    <section className="chart-table" ref={place} tabIndex={0} aria-label={texts.tableOf(title)} onKeyDown={onKeyDown}>
      <table className="table" data-density="compact">
        <thead>
          <tr>
            <th scope="col">{texts.minute}</th>
            {series.map(({ ink, name }) => (
              <th key={ink} scope="col" data-number>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {minutes.map((index) => (
            <tr key={index}>
              <th scope="row" className="number">
                {onChoose === undefined ? (
                  clock(index)
                ) : (
                  <button type="button" className="chart-minute" onClick={() => onChoose(index)}>
                    {clock(index)}
                  </button>
                )}
              </th>
              {series.map(({ ink, counts }) => {
                const number = counts[index] ?? null;
                return (
                  <td key={ink} data-number className={number === null ? 'muted' : undefined}>
                    {number === null ? texts.unknown : formatCount(number)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** The drawing alone: one instance for as long as the same series are shown; new counts are put into it. */
function Plot({
  plot,
  times,
  series,
  onCursor,
  onChoose,
  zone,
}: {
  readonly plot: { current: uPlot | undefined };
  readonly times: readonly string[];
  readonly series: readonly ChartSeries[];
  readonly onCursor: (index: number | undefined) => void;
  readonly onChoose: ((since: string, until: string) => void) | undefined;
  readonly zone: string | undefined;
}): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const scheme = useScheme();
  const tellCursor = useEffectEvent(onCursor);
  const choose = useEffectEvent((from: number, to: number) =>
    onChoose?.(new Date(from * 1000).toISOString(), new Date(to * 1000 + MINUTE_MS - 1).toISOString()),
  );
  const data = (): uPlot.AlignedData => [
    times.map((each) => Date.parse(each) / 1000),
    // The tallest is painted first, and the base over it.
    ...stacked(series.map(({ counts }) => counts))
      .map((tops, at) => tops.map((top, minute) => ((series[at]?.counts[minute] ?? 0) === 0 ? null : top)))
      .toReversed(),
  ];
  const inks = series.map(({ ink }) => ink).join(' ');
  const gaps = useEffectEvent(() => gapsIn(series[0]?.counts ?? []));
  const firstData = useEffectEvent(data);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another scheme has other colours
  useEffect(() => {
    const parent = place.current;
    if (parent === null) return;
    const muted = inkOf('muted');
    const bars = uPlot.paths.bars?.({ size: [0.7, 14], align: 1 });
    const axis = { stroke: muted, font: '12px "IBM Plex Sans", sans-serif', ticks: { show: false }, gap: 6 } as const;
    const chart = new uPlot(
      {
        width: Math.max(200, parent.clientWidth),
        height: HEIGHT,
        padding: [8, 20, 0, 0],
        legend: { show: false },
        cursor: {
          sync: { key: 'minutes' },
          y: false,
          points: { show: false },
          drag: { x: onChoose !== undefined, y: false, setScale: false },
        },
        tzDate: (at) => (zone === undefined ? new Date(at * 1000) : uPlot.tzDate(new Date(at * 1000), zone)),
        // The last minute is drawn as well.
        scales: {
          x: { time: true, range: (_chart, first, last) => [first, last + 60] },
          y: { range: (_chart, _least, most) => [0, Math.max(4, most)] },
        },
        axes: [
          {
            ...axis,
            size: 24,
            grid: { show: false },
            space: 70,
            values: [[60, '{HH}:{mm}', null, null, null, null, null, null, 1]],
          },
          {
            ...axis,
            size: 36,
            space: 32,
            grid: { stroke: inkOf('hairline'), width: 1 },
            values: (_chart, values) => values.map((value) => (Number.isInteger(value) ? formatCount(value) : '')),
          },
        ],
        series: [
          {},
          ...inks
            .split(' ')
            .filter((ink) => ink !== '')
            .toReversed()
            .map((ink) => ({
              ...fillOf(ink as Ink),
              width: 1,
              points: { show: false },
              ...(bars === undefined ? {} : { paths: bars }),
            })),
        ],
        hooks: {
          drawAxes: [(self) => drawGap(self, gaps())],
          draw: [(self) => drawOpenEdge(self)],
          setCursor: [({ cursor }) => tellCursor(cursor.idx ?? undefined)],
          setSelect: [
            (self) => {
              const { left, width } = self.select;
              if (width < 4) return;
              const [from, to] = [self.posToVal(left, 'x'), self.posToVal(left + width, 'x')];
              choose(Math.floor(from / 60) * 60, Math.floor(to / 60) * 60);
            },
          ],
        },
      },
      firstData(),
      parent,
    );
    plot.current = chart;
    const fit = new ResizeObserver(() => chart.setSize({ width: Math.max(200, parent.clientWidth), height: HEIGHT }));
    fit.observe(parent);
    return () => {
      fit.disconnect();
      chart.destroy();
      plot.current = undefined;
    };
  }, [inks, scheme, zone]);
  useEffect(() => plot.current?.setData(data()));
  return <div ref={place} className="chart-canvas" />;
}

const readScheme = (): string => document.documentElement.dataset['mantineColorScheme'] ?? '';

/** Light or dark: canvases do not see style sheets. */
function useScheme(): string {
  const [scheme, setScheme] = useState(readScheme);
  useEffect(() => {
    const look = new MutationObserver(() => setScheme(readScheme()));
    look.observe(document.documentElement, { attributes: true, attributeFilter: ['data-mantine-color-scheme'] });
    return () => look.disconnect();
  }, []);
  return scheme;
}
