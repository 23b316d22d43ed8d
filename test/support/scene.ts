/** A stage with a real Asterisk whose prompts are brief, and a real Tollgate as a process beside it, for end-to-end tests. */
import { parse } from 'yaml';
import { ensurePrograms } from '../../src/demo/programs.ts';
import { type Stage, type StageOptions, startStage } from '../../src/demo/stage.ts';
import { createTollgateProcess, type TollgateProcess } from '../../src/demo/tollgate-process.ts';
import { shortenPrompts } from './brief-prompts.ts';
import { controlSocket } from './control-socket.ts';
import { PATIENT } from './patient.ts';
import { programArgs } from './program.ts';

export interface TestScene {
  readonly stage: Stage;
  readonly tollgate: TollgateProcess;
  /** Global variables that point the dialplan at this Tollgate. */
  readonly globals: Readonly<Record<string, string>>;
  /** Replaces the policy, given as YAML, and resolves when it is in force. @throws Error with what is wrong with it */
  readonly apply: (policy: string) => Promise<void>;
  /** One request at the control socket; far cheaper than {@link ask}. @throws Error with an answer that is not 2xx */
  readonly api: <T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object) => Promise<T>;
  /** Runs a command line and reads its JSON: for what a person sees there. */
  readonly ask: <T>(...args: string[]) => Promise<T>;
  readonly stop: () => Promise<void>;
}

const API_ANSWERS_WITHIN_MS = 30_000;
const program = [process.execPath, ...programArgs] as const;

export async function startScene(
  options: Omit<StageOptions, 'env' | 'globals'> & {
    readonly tollgateEnv?: Readonly<Record<string, string>>;
    /** What else stands in `tollgate.yaml`; given, Tollgate is connected to the manager interface and ARI as well. */
    readonly connected?: string;
    /** The port where Tollgate reaches the manager interface, given the one where it listens: of something in between. */
    readonly amiPort?: (port: number) => Promise<number>;
    /** The same for ARI. */
    readonly ariPort?: (port: number) => Promise<number>;
  },
): Promise<TestScene> {
  const { tollgateEnv, connected, amiPort, ariPort, ...stageOptions } = options;
  const { searchPath } = await ensurePrograms({ env: process.env });
  const env = { ...process.env, ...PATIENT, ...tollgateEnv, PATH: searchPath };
  const tollgate = await createTollgateProcess({ program, env });
  const globals = { TOLLGATE_AGI: `agi://127.0.0.1:${tollgate.agiPort}` };
  let started: Stage | undefined;
  try {
    const stage = await startStage({ ...stageOptions, env: process.env, globals });
    started = stage;
    await shortenPrompts(stage.asterisk);
    if (connected !== undefined) {
      const { ami: account, ari: rest } = stage.asterisk;
      const ami = { ...account, port: (await amiPort?.(account.port)) ?? account.port };
      const port = Number(new URL(rest.url).port);
      const ari = { ...rest, url: `http://127.0.0.1:${(await ariPort?.(port)) ?? port}` };
      await tollgate.configure(`${connected}\nasterisk: ${JSON.stringify([{ name: 'pbx', ami, ari }])}\n`);
    }
    await tollgate.start();
    const socket = controlSocket(tollgate.stateDir, { answersWithinMs: API_ANSWERS_WITHIN_MS });
    const api: TestScene['api'] = async (method, path, body) => {
      const answer = await socket(method, path, body);
      if (answer === undefined) throw new Error(`the daemon does not answer ${method} ${path}`);
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
      return JSON.parse(answer.text);
    };
    return {
      stage,
      tollgate,
      globals,
      apply: async (policy) => void (await api('PUT', '/api/v1/policy', parse(policy))),
      api,
      ask: async (...args) => JSON.parse((await tollgate.run([...args, '--json'])).output),
      stop: async () => {
        await stage.stop();
        await tollgate.stop();
      },
    };
  } catch (error) {
    await started?.stop();
    await tollgate.stop();
    throw error;
  }
}
