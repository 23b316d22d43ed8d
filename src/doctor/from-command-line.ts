/** The doctor as a person runs it: with his rights, of this machine or of the files below a folder. */
import { resolve } from 'node:path';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import type { DaemonView } from './context.ts';
import { examineMachine, type MachineReport } from './doctor.ts';
import { FAMILIES } from './finding.ts';
import { ASTERISK_ETC, programPath } from './from-daemon.ts';
import { openMachine } from './machine.ts';

export async function examineFromCommandLine(
  options: {
    readonly root?: string;
    readonly asteriskEtc?: string;
    readonly only?: readonly string[];
    /** Tollgate's own configuration. @throws with every problem */
    readonly load: () => Promise<{ readonly config: Config }>;
    readonly env: Readonly<Record<string, string | undefined>>;
  },
  daemon: DaemonView,
): Promise<MachineReport> {
  const { root = '/', asteriskEtc = ASTERISK_ETC, only, load, env } = options;
  const machine = openMachine({ root: resolve(root), searchPath: programPath(env['PATH'] ?? ''), now: Date.now });
  const config = machine.isLive
    ? await load().then(
        (loaded) => loaded.config,
        (error: unknown) => ({ problem: messageOf(error) }),
      )
    : { problem: 'another machine is looked at' };
  const context = { machine, asteriskEtc, config, daemon: machine.isLive ? daemon : undefined };
  return examineMachine(context, only === undefined ? FAMILIES : FAMILIES.filter((family) => only.includes(family)));
}
