/** The readable table and the environment above it. */
import { execFile } from 'node:child_process';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { promisify } from 'node:util';
import Table from 'cli-table3';
import { type Figure, judge, show } from './figure.ts';

const run = promisify(execFile);

export interface Environment {
  readonly node: string;
  readonly stores: readonly string[];
  readonly cores: number;
  readonly processor: string;
  readonly loadBefore: number;
}

/** @param programs the servers measured */
export async function readEnvironment(programs: readonly string[]): Promise<Environment> {
  const stores = await Promise.all(programs.map(async (program) => (await run(program, ['--version'])).stdout.trim()));
  return {
    node: process.version,
    stores: stores.map((text) => text.replace(/ (sha|malloc|bits|build)=\S+/g, '')),
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
    loadBefore: loadavg()[0] ?? Number.NaN,
  };
}

const shownRatio = ({ ratio, value }: Figure): string => {
  if (ratio === undefined) return value === undefined ? '' : show(value);
  return `${show(ratio.median)} (${show(ratio.min)}-${show(ratio.max)})`;
};

const shownTarget = ({ bound }: Figure): readonly [string, string] => {
  if (bound === undefined) return ['', ''];
  return 'most' in bound
    ? [`<= ${show(bound.most)}`, `> ${show(bound.failsAbove)}`]
    : [`>= ${show(bound.least)}`, `< ${show(bound.failsBelow)}`];
};

export function renderTable(figures: readonly Figure[]): string {
  const table = new Table({
    head: ['figure', 'Tollgate', 'floor / peer', 'ratio (min-max)', 'target', 'fails', 'verdict'],
    style: { head: [], border: [], compact: true },
    colWidths: [46, 18, 38, 22, 9, 9, 9],
    wordWrap: true,
  });
  for (const figure of figures) {
    table.push([
      figure.figure,
      figure.tollgate,
      figure.against,
      shownRatio(figure),
      ...shownTarget(figure),
      judge(figure) || 'info',
    ]);
  }
  return table.toString();
}
