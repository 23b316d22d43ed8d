/**
 * The whole stage: an Asterisk with phones, and carriers behind it, started and ended together.
 *
 * Guarantees that either everything stands or nothing is left. For the demo and for end-to-end tests; whoever uses it
 * brings the dialplan and the daemon.
 */
import { type Asterisk, type AsteriskOptions, startAsterisk } from './asterisk.ts';
import { ensurePrograms, type Programs } from './programs.ts';
import { type CallOptions, type CallsOptions, type Carrier, createSipp, type Sipp } from './sipp.ts';
import type { CarrierScenario } from './sipp-scenario.ts';
import type { PlacedCall } from './sipp-trace.ts';

export interface StageOptions extends Omit<AsteriskOptions, 'carriers'> {
  /** What each carrier does with calls, by endpoint name. Default: `carrier-a` and `carrier-b`, which answer. */
  readonly carriers?: Readonly<Record<string, Partial<CarrierScenario>>>;
}

type Phone<Options extends CallOptions> = Omit<Options, 'sipPort' | 'password' | 'from'> & {
  /** User name of the calling phone. Default: the first. */
  readonly from?: string;
  /** Default: the right one. */
  readonly password?: string;
};

export interface Stage {
  readonly asterisk: Asterisk;
  readonly programs: Programs;
  readonly sipp: Sipp;
  /** A carrier by its endpoint name. Throws an Error for an unknown name. */
  readonly carrier: (name: string) => Carrier;
  /** Places one call and resolves when it is over. */
  readonly placeCall: (options: Phone<CallOptions & { readonly destination: string }>) => Promise<PlacedCall>;
  /** Places a batch of calls from one phone and resolves when all are over. */
  readonly placeCalls: (options: Phone<CallsOptions>) => Promise<readonly PlacedCall[]>;
  readonly stop: () => Promise<void>;
}

/**
 * Builds the stage.
 *
 * @throws PackagesUnavailable if a program cannot be had on this machine.
 */
export async function startStage(options: StageOptions): Promise<Stage> {
  const programs = await ensurePrograms(options);
  const sipp = createSipp({ program: programs.sipp, env: options.env });
  try {
    const carriers = new Map<string, Carrier>();
    for (const [name, behaviour] of Object.entries(options.carriers ?? { 'carrier-a': {}, 'carrier-b': {} })) {
      carriers.set(name, await sipp.startCarrier(behaviour));
    }
    const asterisk = await startAsterisk({
      ...options,
      carriers: Object.fromEntries([...carriers].map(([name, { port }]) => [name, { port }])),
    });
    const phone = (given: { readonly from?: string; readonly password?: string }) => {
      const from = given.from ?? Object.keys(asterisk.phones)[0] ?? '';
      return { sipPort: asterisk.sipPort, from, password: given.password ?? asterisk.phones[from] ?? '' };
    };
    return {
      asterisk,
      programs,
      sipp,
      carrier: (name) => {
        const carrier = carriers.get(name);
        if (carrier === undefined) throw new Error(`the stage has no carrier ${name}`);
        return carrier;
      },
      placeCall: (call) => sipp.placeCall({ ...call, ...phone(call) }),
      placeCalls: (calls) => sipp.placeCalls({ ...calls, ...phone(calls) }),
      stop: async () => {
        await sipp.close();
        await asterisk.stop();
      },
    };
  } catch (error) {
    await sipp.close();
    throw error;
  }
}
