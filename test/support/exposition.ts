/**
 * The text format of Prometheus, version 0.0.4, read as strictly as it is written down: every sample belongs to a metric
 * with one HELP and one TYPE before it, no series stands there twice, and a histogram adds up.
 */

export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly type: string;
  readonly help: string;
  readonly series: readonly Series[];
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (NaN|[+-]Inf|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/;

/** @throws {Error} that names the first line that is wrong */
export function readExposition(text: string): ReadonlyMap<string, Family> {
  const families = new Map<string, { type: string; help: string; series: Series[] }>();
  const seen = new Set<string>();
  let current: { readonly name: string; type: string; help: string; series: Series[] } | undefined;
  const fail = (line: string, why: string): never => {
    throw new Error(`${why}: ${line}`);
  };
  if (!text.endsWith('\n')) fail(text.slice(-50), 'the last line has no end');
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, what, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (what === 'HELP') {
      if (families.has(name)) fail(line, 'a second HELP');
      current = { name, type: '', help: rest, series: [] };
      families.set(name, current);
    } else if (what === 'TYPE') {
      if (current?.name !== name || current.type !== '') fail(line, 'a TYPE without its HELP');
      else current.type = rest;
    } else if (line.startsWith('#')) fail(line, 'a comment');
    else {
      const series = readSample(line) ?? fail(line, 'no sample');
      const suffix = series.name.slice(current?.name.length ?? 0);
      const mayBe = current?.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
      if (current === undefined || !series.name.startsWith(current.name) || !mayBe.includes(suffix))
        fail(line, 'a sample of no metric, or of another');
      const key = JSON.stringify([series.name, Object.entries(series.labels).sort()]);
      if (seen.has(key)) fail(line, 'a series that was there before');
      seen.add(key);
      current?.series.push(series);
    }
  }
  for (const [name, family] of families) if (family.type === 'histogram') checkHistogram(name, family.series);
  return families;
}

function readSample(line: string): Series | undefined {
  const [, name, inside = '', number] = SAMPLE.exec(line) ?? [];
  if (name === undefined || number === undefined) return undefined;
  const labels: Record<string, string> = {};
  let rest = inside;
  while (rest !== '') {
    const [whole = '', label, value] = LABEL.exec(rest) ?? [];
    if (label === undefined || value === undefined || label in labels) return undefined;
    labels[label] = value.replaceAll(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter));
    rest = rest.slice(whole.length);
  }
  return { name, labels, value: Number(number.replace('Inf', 'Infinity')) };
}

/** Buckets rise, and the last one is the count. */
function checkHistogram(name: string, series: readonly Series[]): void {
  const last = new Map<string, { readonly le: number; readonly value: number }>();
  const without = ({ le: _, ...labels }: Readonly<Record<string, string>>): string => JSON.stringify(labels);
  for (const { name: of, labels, value } of series) {
    const before = last.get(without(labels));
    if (of === `${name}_bucket`) {
      const le = Number((labels['le'] ?? '').replace('Inf', 'Infinity'));
      if (before !== undefined && (le <= before.le || value < before.value)) throw new Error(`${name}: buckets fall`);
      last.set(without(labels), { le, value });
    } else if (of === `${name}_count` && (before?.le !== Number.POSITIVE_INFINITY || before.value !== value))
      throw new Error(`${name}: the count is not the last bucket`);
  }
}

/** The value of one series; undefined where there is none. */
export function sampleOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const family = families.get(name) ?? families.get(name.replace(/_(?:bucket|sum|count)$/, ''));
  return family?.series.find(
    (each) =>
      each.name === name &&
      Object.keys(each.labels).length === Object.keys(labels).length &&
      Object.entries(labels).every(([label, value]) => each.labels[label] === value),
  )?.value;
}
