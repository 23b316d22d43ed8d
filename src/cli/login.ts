/**
 * The SSH connection by which somebody is logged in to this host, so that the daemon does not let him cut himself off.
 *
 * `sudo` takes `SSH_CONNECTION` out of the environment, so it is looked for in the processes above this one as well; the
 * highest that has it says how old the connection is, at most. Whoever reads another user's processes in vain (no root)
 * is told nothing: then nobody is known, as at the console.
 */
import { readFile } from 'node:fs/promises';

export interface Login {
  /** `203.0.113.9 51234 10.0.0.1 22`: address and port of the person, then of this host. */
  readonly connection: string;
  /** Milliseconds since 1970; undefined where it cannot be told. */
  readonly openedAt: number | undefined;
}

const MOST_ANCESTORS = 64;
/** Linux counts times of processes so for every program, whatever its own clock does: `USER_HZ`. */
const TICKS_PER_SECOND = 100;

/** What the environment alone says. */
export function loginIn(env: Readonly<Record<string, string | undefined>>): Login | undefined {
  const connection = connectionIn(env);
  return connection === undefined ? undefined : { connection, openedAt: undefined };
}

/** What `sshd` left in an environment. */
function connectionIn(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const connection = env['SSH_CONNECTION'] ?? env['SSH_CLIENT'];
  return connection === undefined || connection.trim() === '' ? undefined : connection.trim();
}

/** @param proc where the kernel shows processes */
export async function findLogin(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
  proc = '/proc',
): Promise<Login | undefined> {
  let connection = connectionIn(env);
  let openedAt: number | undefined;
  let at = pid;
  for (let count = 0; count < MOST_ANCESTORS && at > 1; count += 1) {
    const [environ, stat] = await Promise.all([read(`${proc}/${at}/environ`), read(`${proc}/${at}/stat`)]);
    const own = connectionIn(parseEnviron(environ));
    connection ??= own;
    if (own !== undefined && own === connection) openedAt = (await startOf(stat, proc)) ?? openedAt;
    at = Number(fieldsOf(stat)[1] ?? 0);
  }
  return connection === undefined ? undefined : { connection, openedAt };
}

const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

const parseEnviron = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    text.split('\0').flatMap((each) => {
      const at = each.indexOf('=');
      return at < 1 ? [] : [[each.slice(0, at), each.slice(at + 1)]];
    }),
  );

/** The fields behind the name, which may hold blanks and brackets: state, parent, …; proc(5). */
const fieldsOf = (stat: string): readonly string[] => stat.slice(stat.lastIndexOf(')') + 2).split(' ');

async function startOf(stat: string, proc: string): Promise<number | undefined> {
  const [uptime = ''] = (await read(`${proc}/uptime`)).split(' ');
  const ticks = Number(fieldsOf(stat)[19] ?? Number.NaN);
  const ageMs = (Number(uptime) - ticks / TICKS_PER_SECOND) * 1000;
  return uptime === '' || !Number.isFinite(ageMs) ? undefined : Math.round(Date.now() - ageMs);
}
