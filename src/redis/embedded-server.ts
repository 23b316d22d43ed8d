/**
 * The private store: a Redis or Valkey server of our own on a unix socket in the state folder.
 *
 * Guarantees
 * - that what was written is there again after the server, the daemon or both were killed (append-only file, flushed to
 *   the kernel before each answer and to the disk every second);
 * - that at most one server works on the files. A server left behind by a killed daemon is recognised by its working
 *   folder, not by a number in a file, and taken over; one that no longer answers is ended first;
 * - that a server that dies is started again at once, and with growing pauses if it keeps dying;
 * - that starting and stopping end in bounded time, and that a failed start says what the server's own log said last.
 *
 * A server that lives but stands still is left alone while the daemon runs: killing it would turn a slow disk into an
 * outage. The connections notice by themselves (connection.ts). Knows nothing of what is stored.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { lstat, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { messageOf, TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { gone, identityOf, isLiving, type ProcessIdentity, serversWorkingIn, signal } from './process-identity.ts';
import { type RawReply, rawCommand } from './raw-command.ts';
import { findServerProgram } from './server-program.ts';
import { serverTrouble } from './server-trouble.ts';
import { acquireStateLock, type StateLock } from './state-lock.ts';

export interface EmbeddedServerOptions {
  /** The state folder; made if missing. Holds `redis.sock` and the folder `redis` (data and `redis.log`). */
  readonly stateDir: string;
  readonly log: Log;
  /** The folders to look for the program in, joined by `:` (the PATH of the process). */
  readonly searchPath: string;
  /** The server program, as a path or a name on `searchPath`. Absent: `redis-server`, else `valkey-server`. */
  readonly command?: string;
  /** The lock on the state folder, if the caller holds it already. Absent: taken by `start`, given back by `stop`. */
  readonly lock?: StateLock;
  /** How long a server may take until its first sign of life. Default 10 s; reading its data back may take 60 times that. */
  readonly startTimeoutMs?: number;
}

/** The server was found gone. `pid` is what it was; a new one is being started unless `stop` was called. */
export type ServerExitListener = (exit: { readonly pid: number; readonly why: string }) => void;

export interface EmbeddedServer {
  /**
   * Starts the server or takes over one left behind, and resolves once it serves.
   * @throws TollgateError `STATE_IN_USE` | `STORE_UNAVAILABLE` | `CONFIG_INVALID`; nothing is left running then.
   */
  start(): Promise<{ readonly socketPath: string }>;
  /** Shuts the server down, its data on disk; kills it if it does not go within five seconds. Never throws. */
  stop(): Promise<void>;
  /** The process id of the server, or `undefined` while there is none. */
  pid(): number | undefined;
  /** Calls back whenever the server is found gone without our asking. Returns the way to unsubscribe. */
  onExit(listener: ServerExitListener): () => void;
}

/** sun_path of unix(7) holds 108 bytes, the last one a zero. */
const socketPathBytesMax = 107;
const logBytesMax = 5 * 1024 * 1024;
const probeTimeoutMs = 2000;
const stopTimeoutMs = 5000;
/** The first restart is immediate; a server that lived this long starts the row of pauses anew. */
const steadyAfterMs = 10_000;
const pauseFirstMs = 50;
const pauseMaxMs = 2000;

/** Sets nothing up yet: see `start`. */
export function createEmbeddedServer(options: EmbeddedServerOptions): EmbeddedServer {
  const stateDir = resolve(options.stateDir);
  const socketPath = join(stateDir, 'redis.sock');
  const dataDir = join(stateDir, 'redis');
  const logFile = join(dataDir, 'redis.log');
  const log = options.log.child({ part: 'redis-server' });
  const startTimeoutMs = options.startTimeoutMs ?? 10_000;
  const listeners = new Set<ServerExitListener>();

  let lock: StateLock | undefined;
  let server: ProcessIdentity | undefined;
  let stopping = new AbortController();
  let started = false;
  let starting: Promise<{ readonly socketPath: string }> | undefined;
  let watcher: Socket | undefined;
  let restarting: Promise<void> = Promise.resolve();

  async function start(): Promise<{ readonly socketPath: string }> {
    if (started) throw new Error('the embedded server was started twice');
    const bytes = Buffer.byteLength(socketPath);
    if (bytes > socketPathBytesMax) {
      throw new TollgateError(
        'CONFIG_INVALID',
        `the socket ${socketPath} would have a path of ${bytes} bytes and the system allows ${socketPathBytesMax}: choose a state folder with a shorter path (state, --state)`,
      );
    }
    started = true;
    stopping = new AbortController();
    const beginning = begin();
    starting = beginning;
    try {
      return await beginning;
    } catch (error) {
      const stopped = stopping.signal.aborted;
      await shutDown();
      throw stopped && !(error instanceof TollgateError)
        ? new TollgateError('STORE_UNAVAILABLE', 'the store was stopped while it was starting', { cause: error })
        : error;
    }
  }

  async function begin(): Promise<{ readonly socketPath: string }> {
    lock = options.lock ?? (await acquireStateLock(stateDir));
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await rotateLog(logFile);
    server = (await adopt()) ?? (await launch());
    watch(server, performance.now(), 0);
    return { socketPath };
  }

  /** A living server that works in our data folder, ready to serve; `undefined` after clearing the place for a new one. */
  async function adopt(): Promise<ProcessIdentity | undefined> {
    const ours = await serversWorkingIn(await realpath(dataDir));
    const [only] = ours;
    const answer = await rawCommand(socketPath, ['INFO', 'server'], probeTimeoutMs);
    if (answer.kind === 'reply') {
      const pid = processIdIn(answer.reply);
      const known = ours.find((candidate) => candidate.pid === pid);
      if (known === undefined) {
        throw new TollgateError(
          'STATE_IN_USE',
          `${socketPath} is served by another Redis server (process id ${pid ?? 'unknown'}) that does not work in ${dataDir}: stop it, or choose another state folder`,
        );
      }
      if (ours.length === 1 && (await keepsData(socketPath))) {
        await ready(known, undefined);
        log.warn({ pid }, 'took over the server that an earlier daemon left running');
        return known;
      }
    }
    if (only !== undefined) log.warn({ pids: ours.map(({ pid }) => pid) }, 'ending a server that cannot be taken over');
    for (const orphan of ours) await end(orphan, answer.kind === 'silent' ? 0 : stopTimeoutMs);
    await clearSocket(socketPath);
    return undefined;
  }

  async function launch(): Promise<ProcessIdentity> {
    const program = await findServerProgram(options.searchPath, options.command);
    const output = await open(logFile, 'a', 0o600);
    const logFrom = (await output.stat()).size;
    let child: ChildProcess;
    try {
      // A session of its own: Ctrl-C in the terminal reaches every process of the group at once, and the store has to
      // outlive the daemon's orderly stop.
      child = spawn(program, serverArguments(socketPath, dataDir, logFile), {
        cwd: dataDir,
        detached: true,
        stdio: ['ignore', output.fd, output.fd],
      });
      await new Promise<void>((done, failed) => child.once('spawn', done).once('error', failed));
    } catch (cause) {
      throw new TollgateError('STORE_UNAVAILABLE', `${program} cannot be started: ${messageOf(cause)}`, { cause });
    } finally {
      await output.close();
    }
    child.on('error', (error) => log.error({ err: error }, 'trouble with the server process'));
    child.unref();
    const identity = child.pid === undefined ? undefined : await identityOf(child.pid);
    if (identity === undefined) throw await serverTrouble({ program, dataDir, logFile, logFrom, why: 'ended at once' });
    try {
      await ready(identity, { program, logFrom });
    } catch (error) {
      await end(identity, 0);
      throw error;
    }
    log.info({ pid: identity.pid, program, socketPath }, 'server started');
    return identity;
  }

  /** Waits until the server answers PING with PONG. */
  async function ready(
    identity: ProcessIdentity,
    launched: { readonly program: string; readonly logFrom: number } | undefined,
  ): Promise<void> {
    const began = performance.now();
    let limitMs = startTimeoutMs;
    let pauseMs = 2;
    for (;;) {
      stopping.signal.throwIfAborted();
      const answer = await rawCommand(socketPath, ['PING'], probeTimeoutMs);
      if (answer.kind === 'reply') {
        if (answer.reply.kind === 'status' && answer.reply.text === 'PONG') return;
        // Reading a large file back is progress, not failure.
        if (answer.reply.kind === 'error' && answer.reply.text.startsWith('LOADING')) limitMs = startTimeoutMs * 60;
      }
      const living = await isLiving(identity);
      const elapsedMs = performance.now() - began;
      if (!living || elapsedMs > limitMs) {
        const why = living ? `was not ready after ${Math.round(elapsedMs)} ms` : 'ended while starting';
        throw await serverTrouble({
          program: launched?.program ?? 'the server left running',
          dataDir,
          logFile,
          logFrom: launched?.logFrom,
          why,
        });
      }
      await pause(pauseMs, stopping.signal);
      pauseMs = Math.min(pauseMs * 1.5, 50);
    }
  }

  /**
   * Notices at once that the server is gone, by a connection held open for nothing else. Works alike for a child and
   * for a server taken over, of which no exit would be reported.
   */
  function watch(identity: ProcessIdentity, sinceMs: number, failures: number): void {
    const socket = connect(socketPath);
    watcher = socket;
    // The close that follows carries the news.
    socket.on('error', () => undefined);
    socket.unref();
    socket.once('close', () => {
      if (stopping.signal.aborted) return;
      restarting = recover(identity, sinceMs, failures).catch((error: unknown) => {
        if (!stopping.signal.aborted) log.error({ err: error }, 'watching the server failed');
      });
    });
  }

  async function recover(identity: ProcessIdentity, sinceMs: number, earlier: number): Promise<void> {
    // A dying process closes its sockets before it is gone. One that lives on has merely cut this connection.
    if (!(await gone(identity, 250))) {
      stopping.signal.throwIfAborted();
      watch(identity, sinceMs, earlier);
      return;
    }
    server = undefined;
    log.error({ pid: identity.pid }, 'the server is gone; starting it again');
    for (const listener of listeners) listener({ pid: identity.pid, why: 'the server process ended' });
    let failures = performance.now() - sinceMs > steadyAfterMs ? 0 : earlier;
    for (;;) {
      if (failures > 0) await pause(Math.min(pauseFirstMs * 2 ** (failures - 1), pauseMaxMs), stopping.signal);
      stopping.signal.throwIfAborted();
      failures += 1;
      try {
        server = (await adopt()) ?? (await launch());
        watch(server, performance.now(), failures);
        return;
      } catch (error) {
        if (stopping.signal.aborted) return;
        log.error({ err: error, attempt: failures }, 'the server cannot be started again yet');
      }
    }
  }

  async function stop(): Promise<void> {
    if (!started) return;
    stopping.abort();
    await starting?.catch(() => undefined);
    await shutDown();
  }

  async function shutDown(): Promise<void> {
    stopping.abort();
    watcher?.destroy();
    await restarting;
    // Only after a server of ours: without one, the socket may belong to the daemon that kept us out.
    if (server !== undefined) {
      await end(server, stopTimeoutMs);
      await rm(socketPath, { force: true }).catch(() => undefined);
    }
    server = undefined;
    if (options.lock === undefined) await lock?.release().catch(() => undefined);
    lock = undefined;
    started = false;
  }

  /** Ends a server: by SHUTDOWN, which writes and flushes the append-only file, then by force. */
  async function end(identity: ProcessIdentity, patienceMs: number): Promise<void> {
    if (patienceMs > 0) {
      await rawCommand(socketPath, ['SHUTDOWN'], Math.min(patienceMs, probeTimeoutMs));
      if (await gone(identity, 200)) return;
      // The socket may be gone, or refuse: the signal asks for the same.
      await signal(identity, 'SIGTERM');
      if (await gone(identity, patienceMs)) return;
      log.error({ pid: identity.pid }, 'the server does not stop; killing it');
    }
    // Safe for the data: what was answered has been handed to the kernel, which outlives the process.
    await signal(identity, 'SIGKILL');
    await gone(identity, stopTimeoutMs);
  }

  return {
    start,
    stop,
    pid: () => server?.pid,
    onExit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function serverArguments(socketPath: string, dataDir: string, logFile: string): readonly string[] {
  return [
    ...['--port', '0', '--unixsocket', socketPath, '--unixsocketperm', '700'],
    ...['--dir', dataDir, '--logfile', logFile, '--daemonize', 'no'],
    ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''],
    // A power cut leaves a half-written last command: it is cut off and the rest is used.
    ...['--aof-load-truncated', 'yes'],
    // Losing a counter silently would let calls through; a full store must be seen as a broken one.
    ...['--maxmemory-policy', 'noeviction'],
  ];
}

/** Makes sure that a server taken over keeps its data the way one of ours does. */
async function keepsData(socketPath: string): Promise<boolean> {
  const wanted = ['appendonly', 'yes', 'appendfsync', 'everysec', 'maxmemory-policy', 'noeviction'];
  for (let index = 0; index < wanted.length; index += 2) {
    const answer = await rawCommand(
      socketPath,
      ['CONFIG', 'SET', wanted[index] ?? '', wanted[index + 1] ?? ''],
      probeTimeoutMs,
    );
    if (answer.kind !== 'reply' || answer.reply.kind === 'error') return false;
  }
  return true;
}

function processIdIn(reply: RawReply): number | undefined {
  if (reply.kind !== 'text' || reply.text === null) return undefined;
  const match = /^process_id:([0-9]+)\r?$/m.exec(reply.text);
  return match === null ? undefined : Number(match[1]);
}

/** Removes the socket file of a dead server, and nothing else that may stand there under its name. */
async function clearSocket(socketPath: string): Promise<void> {
  const found = await lstat(socketPath).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new TollgateError('CONFIG_INVALID', `${socketPath} is in the way: it is not a socket; move it elsewhere`);
  }
  await rm(socketPath, { force: true });
}

async function rotateLog(logFile: string): Promise<void> {
  const found = await stat(logFile).catch(() => undefined);
  if (found !== undefined && found.size > logBytesMax) await rename(logFile, `${logFile}.1`);
}

function pause(ms: number, signalled: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signalled.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signalled.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signalled.addEventListener('abort', done);
  });
}
