/**
 * Runs `nft`: text in, text out, one process for each command.
 *
 * - No shell; what nft reads comes by its standard input, in pieces between which calls are decided.
 * - Bounded: a run ends after 30 seconds, and what it prints is handed on in pieces or cut.
 * - An exit code is an answer; that nft is not there, may not, or hangs is an error with the way out in its sentence.
 *
 * Short commands that may be done twice go to a process that stays first: nft-session.ts.
 */
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { messageOf, TollgateError } from '../../errors.ts';
import { createNftSession } from './nft-session.ts';

export interface NftRun {
  readonly ok: boolean;
  readonly output: string;
  /** What it printed as an error. */
  readonly problem: string;
}

export interface Nft {
  /**
   * @param script what `-f -` reads
   * @param onOutput takes what is printed instead of keeping it
   * @throws {TollgateError} `FIREWALL_FAILED` if nft cannot be run
   */
  readonly run: (
    args: readonly string[],
    options?: { readonly script?: Iterable<string>; readonly onOutput?: (piece: string) => void },
  ) => Promise<NftRun>;
  /** Does commands, in 0.5 ms if they are few; all are done or none. They may be done twice. @throws {TollgateError} `FIREWALL_FAILED` */
  readonly change: (commands: readonly string[]) => Promise<void>;
  /** Whether commands would succeed. Of none that is said without asking. @throws {TollgateError} `FIREWALL_FAILED` */
  readonly wouldDo: (commands: readonly string[]) => Promise<boolean>;
  /** As `run`; that nft refuses is an error as well. @throws {TollgateError} `FIREWALL_FAILED` */
  readonly must: Nft['run'];
  readonly close: () => void;
}

const RUN_WITHIN_MS = 30_000;
/** A ruleset of others with 100,000 rules is 10 MB. */
const MOST_OUTPUT = 64 * 1024 * 1024;
const MOST_PROBLEM = 64 * 1024;

/** @param command program and first arguments; absent: `nft` from PATH, or from where Debian keeps it */
export function createNft(command?: readonly [string, ...string[]]): Nft {
  let found = command;
  const run: Nft['run'] = async (args, options = {}) => {
    if (found !== undefined) return start(found, args, options);
    for (const candidate of ['nft', '/usr/sbin/nft']) {
      try {
        const answer = await start([candidate], args, options);
        found = [candidate];
        return answer;
      } catch (error) {
        if (!(error instanceof NotInstalled)) throw error;
      }
    }
    throw new NotInstalled();
  };
  const must: Nft['run'] = async (args, options) => {
    const answer = await run(args, options);
    if (!answer.ok) throw new TollgateError('FIREWALL_FAILED', sentenceOf(answer.problem));
    return answer;
  };
  const program = command ?? ['nft'];
  const doing = createNftSession([...program, '-i']);
  const trying = createNftSession([...program, '-c', '-i']);
  return {
    run,
    must,
    change: async (commands) => {
      if ((await doing.run(commands)) !== 'done') await must(['-f', '-'], { script: commands });
    },
    wouldDo: async (commands) => {
      if (commands.length === 0) return true;
      return (await trying.run(commands)) === 'done' || (await run(['-c', '-f', '-'], { script: commands })).ok;
    },
    close: () => {
      doing.close();
      trying.close();
    },
  };
}

class NotInstalled extends TollgateError {
  constructor() {
    super('FIREWALL_FAILED', 'nft is not installed; on Debian: apt-get install nftables');
  }
}

function start(
  [program, ...prefix]: readonly [string, ...string[]],
  args: readonly string[],
  { script, onOutput }: { readonly script?: Iterable<string>; readonly onOutput?: (piece: string) => void },
): Promise<NftRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...prefix, ...args], { stdio: ['pipe', 'pipe', 'pipe'], timeout: RUN_WITHIN_MS });
    let output = '';
    let problem = '';
    child.stdout.setEncoding('utf8');
    const read = readAll(child.stdout, (piece) => {
      if (onOutput !== undefined) onOutput(piece);
      else if (output.length < MOST_OUTPUT) output += piece;
    });
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (piece: string) => {
      if (problem.length < MOST_PROBLEM) problem += piece;
    });
    child.on('error', (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'ENOENT'
          ? new NotInstalled()
          : new TollgateError('FIREWALL_FAILED', `nft cannot be started: ${messageOf(cause)}`, { cause }),
      ),
    );
    child.on('close', (code, signal) => {
      if (signal !== null) reject(new TollgateError('FIREWALL_FAILED', `nft was ended by ${signal}`));
      else void read.then(() => resolve({ ok: code === 0, output, problem }), reject);
    });
    // It may end before it has read everything; its exit code says why.
    child.stdin.on('error', () => undefined);
    void feed(child.stdin, script ?? []);
  });
}

/** Left to itself, a stream hands over two megabytes before anything else may run: half a second of reading elements. */
async function readAll(stdout: Readable, take: (piece: string) => void): Promise<void> {
  for await (const piece of stdout) {
    take(String(piece));
    await new Promise(setImmediate);
  }
}

async function feed(stdin: NodeJS.WritableStream, script: Iterable<string>): Promise<void> {
  for (const piece of script) {
    if (!stdin.writable) return;
    stdin.write(piece);
    await new Promise(setImmediate);
  }
  stdin.end();
}

/** The first thing that nft complained of; the rest is mostly its consequence. */
function sentenceOf(problem: string): string {
  const [first = ''] = problem.split('\n').filter((line) => line.trim() !== '');
  if (problem.includes('Operation not permitted'))
    return `nft may not change the packet filter: the daemon lacks CAP_NET_ADMIN (${first.trim()})`;
  return first === '' ? 'nft failed without a word' : `nft refused: ${first.trim()}`;
}
