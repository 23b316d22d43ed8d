/** A folder that stands for the root of a machine, for the doctor to look at. */
import { chmod, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { DoctorContext } from '../../src/doctor/context.ts';
import { examineMachine } from '../../src/doctor/doctor.ts';
import type { Family, Level, MachineFinding } from '../../src/doctor/finding.ts';
import { openMachine } from '../../src/doctor/machine.ts';

export interface RootFile {
  readonly text: string;
  readonly mode?: number;
  readonly ageDays?: number;
}

/** 2026-11-21, 12:00 UTC. */
export const NOW = Date.UTC(2026, 10, 21, 12);

/** Makes the root, has it examined, and removes it. */
export async function examineRoot(
  files: Readonly<Record<string, string | RootFile>>,
  only: readonly Family[],
  more: Partial<Pick<DoctorContext, 'config' | 'daemon'>> & { readonly now?: number } = {},
): Promise<readonly MachineFinding[]> {
  const root = await mkdtemp(join(tmpdir(), 'tollgate-machine-'));
  try {
    for (const [path, given] of Object.entries(files)) {
      const { text, mode = 0o640, ageDays = 1 } = typeof given === 'string' ? { text: given } : given;
      const file = join(root, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
      await chmod(file, mode);
      const at = NOW / 1000 - ageDays * 86_400;
      await utimes(file, at, at);
    }
    const machine = openMachine({ root, searchPath: process.env['PATH'] ?? '', now: () => more.now ?? NOW });
    const config = { problem: 'another machine is looked at' };
    const context = { machine, asteriskEtc: '/etc/asterisk', config, daemon: undefined, ...more };
    return (await examineMachine(context, only)).findings;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Level of each check, by its name. */
export const levels = (findings: readonly MachineFinding[]): Readonly<Record<string, Level>> =>
  Object.fromEntries(findings.map(({ check, level }) => [check, level]));

/** One finding by its name. */
export function findingOf(findings: readonly MachineFinding[], check: string): MachineFinding {
  const found = findings.find((each) => each.check === check);
  if (found === undefined)
    throw new Error(`no finding ${check} among ${findings.map((each) => each.check).join(', ')}`);
  return found;
}
