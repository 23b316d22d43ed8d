/**
 * Phones of supervisors: SIPp answers, a media port listens and presses keys.
 *
 * Their endpoints stand in Asterisk from its start; what each does with a call is told before the call comes.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Asterisk } from '../../src/demo/asterisk.ts';
import { freeUdpPort } from '../../src/demo/child.ts';
import { ensurePrograms } from '../../src/demo/programs.ts';
import { type Carrier, createSipp } from '../../src/demo/sipp.ts';
import type { CarrierScenario } from '../../src/demo/sipp-scenario.ts';
import { type MediaPort, openMediaPort } from './media-port.ts';

export interface SupervisorPhone {
  readonly name: string;
  /** Sounds that were played to it since it was told what to do, without their endings. */
  readonly heard: () => Promise<readonly string[]>;
  /** Waits until it has heard a sound so often. */
  readonly hears: (sound: string, times?: number) => Promise<void>;
  readonly press: MediaPort['press'];
  readonly media: MediaPort;
  /** Calls that rang since then. */
  readonly calls: Carrier['calls'];
  /** Whether it has a call now. */
  readonly isBusy: () => Promise<boolean>;
}

export interface SupervisorPhones {
  /** The endpoints, for `pjsip.conf`. */
  readonly pjsip: string;
  /** Tells a phone what it does from now on. Default: answers after 200 ms. */
  readonly prepare: (asterisk: Asterisk, name: string, does?: Partial<CarrierScenario>) => Promise<SupervisorPhone>;
  /** Unplugs all phones; calls to them are not answered. */
  readonly unplug: () => Promise<void>;
}

const HEARS_WITHIN_MS = 20_000;

export async function supervisorPhones(names: readonly string[]): Promise<SupervisorPhones> {
  const sipp = createSipp({ program: (await ensurePrograms({ env: process.env })).sipp, env: process.env });
  const ports = new Map<string, number>();
  for (const name of names) ports.set(name, await freeUdpPort());
  const media = new Set<MediaPort>();
  return {
    pjsip: [...ports].map(([name, port]) => endpoint(name, port)).join('\n'),
    prepare: async (asterisk, name, does = {}) => {
      const port = ports.get(name);
      if (port === undefined) throw new Error(`there is no phone ${name}`);
      const sound = await openMediaPort();
      media.add(sound);
      const phone = await sipp.startCarrier({ ringMs: 200, ...does, port, mediaPort: sound.port });
      const before = (await asterisk.log()).length;
      const heard = async () => {
        const played = new RegExp(`<PJSIP/${name}-\\w+> Playing '([^']+?)(?:\\.\\w+)?' `, 'g');
        return [...(await asterisk.log()).slice(before).matchAll(played)].map(([, file = '']) => file);
      };
      return {
        name,
        heard,
        hears: async (wanted, times = 1) => {
          for (const until = performance.now() + HEARS_WITHIN_MS; performance.now() < until; ) {
            if ((await heard()).filter((file) => file === wanted).length >= times) return;
            await sleep(50);
          }
          throw new Error(`${name} did not hear ${wanted} ${times} times, but ${(await heard()).join(' ')}`);
        },
        press: sound.press,
        media: sound,
        calls: phone.calls,
        isBusy: async () => (await asterisk.cli('core show channels concise')).includes(`PJSIP/${name}-`),
      };
    },
    unplug: async () => {
      await sipp.close();
      for (const each of media) each.close();
      media.clear();
    },
  };
}

/** Asterisk's core sounds for digits and letters, as a tenth of a second of silence each. */
export async function giveCoreSounds(asterisk: Asterisk): Promise<void> {
  const sounds = join(dirname(dirname(asterisk.logFile)), 'data/sounds/en');
  for (const [folder, names] of [
    ['digits', [...'0123456789']],
    ['letters', [...'abcdefghijklmnopqrstuvwxyz']],
  ] as const) {
    await mkdir(join(sounds, folder), { recursive: true });
    for (const name of names) await writeFile(join(sounds, folder, `${name}.ulaw`), Buffer.alloc(800, 0xff));
  }
}

const endpoint = (name: string, port: number): string => `
[${name}]
type = endpoint
disallow = all
allow = ulaw
direct_media = no
context = from-phones
aors = ${name}
[${name}]
type = aor
contact = sip:127.0.0.1:${port}
`;
