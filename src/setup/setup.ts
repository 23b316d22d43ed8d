/** The guided first configuration, put together: what is there, what would be written, writing it, reloading, trying it. */
import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { posix, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/schema.ts';
import type { DaemonView } from '../doctor/context.ts';
import { examineMachine } from '../doctor/doctor.ts';
import type { MachineFinding } from '../doctor/finding.ts';
import { ASTERISK_ETC, programPath } from '../doctor/from-daemon.ts';
import { openMachine } from '../doctor/machine.ts';
import { messageOf } from '../errors.ts';
import { dialplanLines, type FoundAsterisk, findAsterisk, type Platform } from './find-asterisk.ts';
import { makePlan, type SetupPlan } from './plan.ts';
import { writePlan } from './write-plan.ts';

export interface SetupOptions {
  readonly config?: string;
  readonly state?: string;
  readonly asteriskEtc?: string;
  readonly platform?: Platform;
}

export interface Setup {
  /** Undefined: there is no Asterisk in that folder. */
  readonly asterisk: FoundAsterisk | undefined;
  readonly etc: string;
  readonly plan: SetupPlan;
  /** What a person adds to his dialplan. */
  readonly lines: string;
  /** Prompts that are not among Asterisk's sounds, as a command; undefined if they are there. */
  readonly sounds: string | undefined;
  /** @throws Error; then nothing is changed */
  readonly write: () => Promise<void>;
  /** @returns the commands that Asterisk did not carry out */
  readonly reload: () => Promise<readonly string[]>;
  /** Tries each connection, and looks at the dialplan, as the doctor does. */
  readonly test: () => Promise<readonly MachineFinding[]>;
}

const NOTHING: SetupPlan = { changes: [], notes: [], reloads: [] };
const dialplanFolder = fileURLToPath(new URL('../../dialplan', import.meta.url));

export async function openSetup(
  options: SetupOptions & {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly load: () => Promise<{ readonly config: Config }>;
  },
  daemon: DaemonView,
): Promise<Setup> {
  const { env, load } = options;
  const machine = openMachine({ root: '/', searchPath: programPath(env['PATH'] ?? ''), now: Date.now });
  const etc = resolve(options.asteriskEtc ?? ASTERISK_ETC);
  const asterisk = await findAsterisk(machine, etc, options.platform);
  const named = options.config ?? env['TOLLGATE_CONFIG'];
  const configPath = named === undefined || named === '' ? '/etc/tollgate/tollgate.yaml' : resolve(named);
  const newSecret = (): string => randomBytes(24).toString('hex');
  const plan =
    asterisk === undefined ? NOTHING : await makePlan({ machine, asterisk, configPath, dialplanFolder, newSecret });
  return {
    asterisk,
    etc,
    plan,
    lines: asterisk === undefined ? '' : dialplanLines(asterisk),
    sounds: await missingSounds(),
    write: () => writePlan(plan.changes),
    reload: async () => {
      const failed: string[] = [];
      for (const command of plan.reloads) {
        const ran = await machine.run('asterisk', '-rx', command);
        if (ran?.exitCode !== 0) failed.push(command);
      }
      return failed;
    },
    test: async () => {
      const config = await load().then(
        (loaded) => loaded.config,
        (error: unknown) => ({ problem: messageOf(error) }),
      );
      const context = { machine, asteriskEtc: etc, config, daemon };
      return (await examineMachine(context, ['dialplan', 'connections'])).findings;
    },
  };
}

/** Debian keeps sounds in `share`, Asterisk's own installation in `lib`. */
const SOUND_FOLDERS = ['/usr/share/asterisk/sounds/en', '/var/lib/asterisk/sounds/en'];
const PROMPT = 'tollgate-limit.wav';

async function missingSounds(): Promise<string | undefined> {
  const isThere = (path: string): Promise<boolean> =>
    stat(path).then(
      () => true,
      () => false,
    );
  for (const folder of SOUND_FOLDERS) if (await isThere(posix.join(folder, PROMPT))) return undefined;
  const [first = ''] = SOUND_FOLDERS;
  const folder = (await isThere(posix.dirname(first))) ? first : (SOUND_FOLDERS[1] ?? first);
  return `install -D -m 644 -t ${folder} ${dialplanFolder}/sounds/*.wav`;
}
