/** Which Asterisk there is, of what make, and where it says what. */
import { posix } from 'node:path';
import type { Machine } from '../doctor/machine.ts';

export const PLATFORMS = ['plain', 'freepbx', 'issabel', 'vicidial'] as const;
export type Platform = (typeof PLATFORMS)[number];

export interface FoundAsterisk {
  /** Folder of its configuration. */
  readonly etc: string;
  /** Such as `22.10.1`; undefined if the program cannot be asked. */
  readonly version: string | undefined;
  readonly platform: Platform;
}

/** Files that only these have. */
const MARKS: readonly (readonly [path: string, platform: Platform])[] = [
  ['/etc/astguiclient.conf', 'vicidial'],
  ['/etc/issabel.conf', 'issabel'],
  ['/etc/freepbx.conf', 'freepbx'],
];

/** Undefined: there is no configuration of an Asterisk in `etc`. */
export async function findAsterisk(
  machine: Machine,
  etc: string,
  platform: Platform | undefined,
): Promise<FoundAsterisk | undefined> {
  const names = (await machine.list(etc)) ?? [];
  if (!names.includes('extensions.conf') && !names.includes('asterisk.conf')) return undefined;
  const ran = await machine.run('asterisk', '-V');
  const version = /Asterisk (?:certified[/-])?(\d[\d.]*\d)/.exec(ran?.out ?? '')?.[1];
  return { etc, version, platform: platform ?? (await platformOf(machine, etc)) };
}

async function platformOf(machine: Machine, etc: string): Promise<Platform> {
  for (const [path, platform] of MARKS) {
    if ((await machine.read(path)).kind !== 'absent') return platform;
  }
  const custom = await machine.read(posix.join(etc, 'extensions_override_freepbx.conf'));
  return custom.kind === 'absent' ? 'plain' : 'freepbx';
}

/** The files of `dialplan/` that go there, by the name they get. */
export const DIALPLAN_FILES: Readonly<Record<Platform, Readonly<Record<string, string>>>> = {
  plain: {},
  freepbx: { 'tollgate-freepbx.conf': 'freepbx.conf' },
  issabel: { 'tollgate-freepbx.conf': 'freepbx.conf' },
  vicidial: { 'tollgate-vicidial.conf': 'vicidial.conf' },
};

/** What a person adds to his dialplan; Tollgate does not touch it. */
export function dialplanLines({ platform }: FoundAsterisk): string {
  switch (platform) {
    case 'plain':
      return `In extensions.conf:

  [globals]
  #include tollgate-globals.conf

  #include tollgate.conf

and before each Dial to a trunk:

  same => n,Gosub(tollgate,gate,1(\${EXTEN},carrier-a))
  same => n,Dial(PJSIP/\${EXTEN}@carrier-a)`;
    case 'freepbx':
    case 'issabel':
      return `In extensions_custom.conf:

  #include tollgate.conf
  #include tollgate-freepbx.conf

and in globals_custom.conf:

  #include tollgate-globals.conf`;
    case 'vicidial':
      return `In extensions.conf:

  [globals]
  #include tollgate-globals.conf

  #include tollgate.conf
  #include tollgate-vicidial.conf

and in each carrier (Admin, Carriers), between call_log and Dial:

  exten => _91NXXNXXXXXX,n,Gosub(tollgate-vicidial,gate,1(\${EXTEN:1},carrier-a))`;
    default:
      return platform satisfies never;
  }
}
