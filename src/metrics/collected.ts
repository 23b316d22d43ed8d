/**
 * Metrics that are read when somebody asks for them: a part keeps plain numbers, and this turns them into series.
 *
 * So what runs for each call adds to a number and knows nothing of Prometheus. A series that is no longer read is no
 * longer shown.
 */
import { Counter, Gauge, type Registry } from 'prom-client';

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One value without labels, none, or several with labels. */
export type Reading = number | undefined | readonly Sample[];

export interface CollectedMetric {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  readonly read: () => Reading | Promise<Reading>;
}

export function gauge(register: Registry, { name, help, labelNames = [], read }: CollectedMetric): void {
  new Gauge({
    ...{ name, help, labelNames, registers: [register] },
    async collect() {
      const reading = await read();
      this.reset();
      if (reading === undefined) this.remove();
      for (const { labels = {}, value } of samplesOf(reading)) this.set({ ...labels }, value);
    },
  });
}

/** @param metric.read gives totals since the start, which never fall */
export function counter(register: Registry, { name, help, labelNames = [], read }: CollectedMetric): void {
  new Counter({
    ...{ name, help, labelNames, registers: [register] },
    async collect() {
      const reading = await read();
      this.reset();
      if (reading === undefined) this.remove();
      for (const { labels = {}, value } of samplesOf(reading)) this.inc({ ...labels }, value);
    },
  });
}

const samplesOf = (reading: Reading): readonly Sample[] =>
  typeof reading === 'number' ? [{ value: reading }] : (reading ?? []);

/** One sample for each entry of a record of numbers. */
export const byName = (label: string, numbers: Readonly<Record<string, number>>): readonly Sample[] =>
  Object.entries(numbers).map(([name, value]) => ({ labels: { [label]: dashed(name) }, value }));

const dashed = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
