/** A command line in the test's own process: for whoever runs many, or reads one that goes on. */
import { runCommandLine } from '../../src/cli/program.ts';
import type { Terminal } from '../../src/cli/terminal.ts';

export interface Ran {
  readonly exitCode: number;
  readonly out: string;
  readonly error: string;
}

/** Runs one command line in this process. */
export async function runCli(
  stateDir: string,
  args: readonly string[],
  options: {
    readonly input: string;
    readonly signal: AbortSignal;
    readonly onOutput?: ((text: string) => void) | undefined;
    readonly env?: Readonly<Record<string, string>> | undefined;
  },
): Promise<Ran> {
  let [out, error] = ['', ''];
  const terminal: Terminal = {
    out: (text) => {
      out += text;
      options.onOutput?.(text);
    },
    error: (text) => {
      error += text;
    },
    colours: false,
    env: { USER: 'tester', ...options.env },
    readStdin: async () => options.input,
    signal: options.signal,
  };
  const refuse = (): Promise<never> => Promise.reject(new Error('not in this test'));
  const exitCode = await runCommandLine(args, {
    terminal,
    version: '0.0.0',
    stateDir: async () => stateDir,
    programs: { serve: refuse, demo: refuse, doctor: refuse, setup: refuse, describeConfig: refuse },
  });
  return { exitCode, out, error };
}
