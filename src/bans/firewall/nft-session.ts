/**
 * An `nft` that stays: takes short commands in a fraction of the time that a new process needs.
 *
 * From a ban to the first dropped packet it takes 0.5 ms where a process for each takes 3 to 7 ms (two busy cores), and
 * the daemon, which decides calls, is not forked. But an interactive nft has no exit codes: whether it did a line is read
 * from its complaints, up to the one about a word that was sent behind the line for that. So an answer may be `unknown`,
 * and every answer but `done` is to be followed by a process that has an exit code. Use it for what may be done twice.
 *
 * It is started when it is needed, and ends after a minute without work.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

export type SessionAnswer = 'done' | 'refused' | 'unknown';

export interface NftSession {
  /** Does commands as one transaction; one at a time. `unknown` at once for what is too long. Never rejects. */
  readonly run: (commands: readonly string[]) => Promise<SessionAnswer>;
  readonly close: () => void;
}

/** The line editor of nft has a buffer; longer scripts gain nothing anyway. */
const LONGEST_LINE = 8000;
const ANSWER_WITHIN_MS = 1000;
const REST_AFTER_MS = 60_000;
/** A session that failed is tried again after as many runs. */
const TRY_AGAIN_AFTER = 1000;

type Child = ChildProcessByStdio<Writable, null, Readable>;

/** @param command program and arguments, `-i` among them */
export function createNftSession(command: readonly string[]): NftSession {
  let child: Child | undefined;
  let listener: (() => void) | undefined;
  let complaints = '';
  let sent = 0;
  let skip = 0;
  let resting: NodeJS.Timeout | undefined;

  const end = (): void => {
    clearTimeout(resting);
    child?.kill('SIGKILL');
    child = undefined;
    listener?.();
  };

  const start = (): Child => {
    // It would write every line into a history file in the home of whoever runs the daemon.
    const made = spawn('env', ['HOME=/nonexistent', ...command], { stdio: ['pipe', 'ignore', 'pipe'] });
    const gone = (): void => {
      if (child === made) end();
    };
    made.on('error', gone);
    made.on('close', gone);
    made.stdin.on('error', gone);
    made.stderr.setEncoding('utf8');
    made.stderr.on('data', (piece: string) => {
      complaints += piece;
      listener?.();
    });
    made.unref();
    return made;
  };

  const answer = async (line: string): Promise<SessionAnswer> => {
    child ??= start();
    const used = child;
    sent += 1;
    complaints = '';
    const mark = `mark_${sent}`;
    used.stdin.write(`${line}\n${mark}\n`);
    const deadline = setTimeout(() => child === used && end(), ANSWER_WITHIN_MS);
    while (child === used && !complaints.includes(`\n${mark}\n`)) {
      await new Promise<void>((resolve) => {
        listener = resolve;
      });
    }
    listener = undefined;
    clearTimeout(deadline);
    if (child !== used) return 'unknown';
    return (complaints.match(/Error:/g) ?? []).length === 1 ? 'done' : 'refused';
  };

  return {
    run: async (commands) => {
      const line = commands.map((command) => command.trim()).join('; ');
      if (line.length > LONGEST_LINE || --skip > 0) return 'unknown';
      clearTimeout(resting);
      const said = await answer(line);
      if (said === 'unknown') skip = TRY_AGAIN_AFTER;
      resting = setTimeout(end, REST_AFTER_MS);
      resting.unref();
      return said;
    },
    close: end,
  };
}
