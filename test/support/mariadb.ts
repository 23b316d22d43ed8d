/**
 * A private MariaDB for tests: the machine's own server program, or that of Debian's packages from the cache. Nothing is
 * installed, and nothing is left behind.
 *
 * Guarantees a fresh server on a free port of 127.0.0.1 with empty tables and no other database than the one asked for.
 */
import { spawn } from 'node:child_process';
import { access, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, createConnection } from 'mariadb';
import { freeTcpPort, startChild } from '../../src/demo/child.ts';
import { ensureDebianRoot, type Progress } from '../../src/demo/debian-root.ts';

export interface MariaDb {
  readonly port: number;
  /** As root, in the database `asterisk`. */
  readonly execute: (sql: string) => Promise<void>;
  /** Holds every answer back, as a stalled disk does, until `thaw`. */
  readonly freeze: () => void;
  readonly thaw: () => void;
  readonly kill: () => Promise<void>;
  /** Starts it again with the same port and tables; those in memory are empty. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

const STARTS_WITHIN_MS = 20_000;
/** In this order they make the tables of the server itself. */
const SYSTEM_TABLES = ['mysql_system_tables.sql', 'mysql_performance_tables.sql', 'mysql_system_tables_data.sql'];

interface ServerProgram {
  readonly command: readonly [string, ...string[]];
  /** Where the files that come with it lie. */
  readonly share: string;
}

/** @throws PackagesUnavailable where there is neither a server nor packages of one */
export async function ensureMariaDb(onProgress?: (progress: Progress) => void): Promise<ServerProgram> {
  const installed = '/usr/sbin/mariadbd';
  if (await exists(installed)) return { command: [installed], share: '/usr/share/mysql' };
  const root = await ensureDebianRoot(
    { name: 'mariadb', suite: 'bookworm', packages: ['mariadb-server-core'] },
    { env: process.env, ...(onProgress === undefined ? {} : { onProgress }) },
  );
  const [loader, ...prefix] = root.commandLine('usr/sbin/mariadbd');
  return { command: [loader, ...prefix], share: join(root.path, 'usr/share/mysql') };
}

export async function startMariaDb(schema: string): Promise<MariaDb> {
  const { command, share } = await ensureMariaDb();
  const base = await mkdtemp(join(tmpdir(), 'tollgate-mariadb-'));
  await mkdir(join(base, 'data'));
  const port = await freeTcpPort();
  const settings = [
    '--no-defaults',
    `--datadir=${join(base, 'data')}`,
    `--tmpdir=${base}`,
    `--lc-messages-dir=${share}`,
    `--character-sets-dir=${join(share, 'charsets')}`,
    `--user=${process.getuid?.() === 0 ? 'root' : (process.env['USER'] ?? '')}`,
    '--innodb-buffer-pool-size=8M',
    '--innodb-log-file-size=4M',
    '--innodb-flush-log-at-trx-commit=0',
    '--aria-pagecache-buffer-size=1M',
    '--key-buffer-size=1M',
    '--performance-schema=off',
  ];
  const env = { ...process.env };
  const remove = () => rm(base, { recursive: true, force: true });
  const serve = async () => {
    const child = await startChild(
      [
        ...command,
        ...settings,
        '--bind-address=127.0.0.1',
        `--port=${port}`,
        `--socket=${join(base, 's')}`,
        '--skip-name-resolve',
      ],
      { env, cwd: base },
    );
    const deadline = Date.now() + STARTS_WITHIN_MS;
    for (;;) {
      try {
        const connection = await createConnection({ host: '127.0.0.1', port, user: 'root', connectTimeout: 1000 });
        return { child, connection };
      } catch (error) {
        if (!child.running() || Date.now() > deadline) {
          await child.kill();
          throw new Error(`MariaDB did not start: ${child.output()}`, { cause: error });
        }
        await sleep(50);
      }
    }
  };
  try {
    await bootstrap([...command, ...settings], share, base, env);
    let { child, connection } = await serve();
    const execute = async (sql: string): Promise<void> => {
      for (const statement of sql.split(/;\s*$/m)) {
        if (statement.trim() !== '') await connection.query(statement);
      }
    };
    const end = (gone: Connection): void => gone.destroy();
    connection.on('error', () => undefined);
    await execute(`CREATE DATABASE asterisk;\nUSE asterisk;\n${schema}`);
    return {
      port,
      execute,
      freeze: () => void process.kill(child.pid, 'SIGSTOP'),
      thaw: () => void process.kill(child.pid, 'SIGCONT'),
      kill: async () => {
        end(connection);
        await child.kill();
      },
      restart: async () => {
        ({ child, connection } = await serve());
        connection.on('error', () => undefined);
        await connection.query('USE asterisk');
      },
      stop: async () => {
        end(connection);
        await child.kill();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Writes the tables of the server itself, as its own installing script does. */
async function bootstrap(
  command: readonly string[],
  share: string,
  base: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const texts = await Promise.all(SYSTEM_TABLES.map((file) => readFile(join(share, file), 'utf8')));
  const text = ['CREATE DATABASE mysql;', 'USE mysql;', 'SET @auth_root_socket=NULL;', ...texts].join('\n');
  const [program = '', ...args] = command;
  const child = spawn(program, [...args, '--bootstrap'], { env, cwd: base, stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  const hear = (chunk: Buffer): void => {
    said += chunk.toString();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  child.stdin.on('error', () => undefined);
  child.stdin.end(text);
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`MariaDB could not make its tables: ${said.slice(-1500)}`);
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
