/**
 * Reading from VICIdial's database without ever making a call wait for it.
 *
 * One standing connection, on which questions follow one another without waiting for answers. Guarantees that a question is
 * answered or given up within the milliseconds it was given, that a database which is slow or gone is left alone for a while
 * after a few failures in a row, and that questions do not pile up. It only ever reads.
 * Refuses to know: what is read, and what becomes of a call that nothing was found for.
 */
import { connect as connectSocket, type Socket } from 'node:net';
import { type Connection, createConnection } from 'mariadb';
import type { Clock } from '../clock.ts';
import { TIMED_OUT, within } from '../deadline.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

export interface DatabaseSettings {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly database: string;
}

export interface Statement {
  readonly sql: string;
  readonly values: readonly string[];
}

/** A row as the server sent it; numbers as text. */
export type Row = Readonly<Record<string, string | null>>;

export interface DatabaseState {
  readonly up: boolean;
  /** When it went up or down. */
  readonly since: ReturnType<Clock['now']>;
  /** `''` while up. */
  readonly problem: string;
}

export interface Database {
  /** The rows of each statement, all of them in one round trip; `unavailable` if that takes longer than `ms`. Never rejects. */
  readonly read: (statements: readonly Statement[], ms: number) => Promise<readonly (readonly Row[])[] | 'unavailable'>;
  readonly state: () => DatabaseState;
  readonly close: () => Promise<void>;
}

/** More than these at once are a database that does not keep up. */
const MOST_WAITING = 64;
const FAILURES_IN_A_ROW = 3;
const LEFT_ALONE_MS = 2000;
const CONNECTS_WITHIN_MS = 1000;
const CONNECTS_AGAIN_AFTER_MS = 1000;
const ENDS_WITHIN_MS = 300;
/** The server ends a statement after half a second; a connection that is silent for longer is dead. */
const SILENT_MS = 1000;
const AT_MOST_HALF_A_SECOND = 'SET STATEMENT max_statement_time=0.5 FOR ';

export function openDatabase(
  settings: DatabaseSettings,
  deps: { readonly clock: Pick<Clock, 'now' | 'monotonicMs'>; readonly log: Log },
): Database {
  const { clock, log } = deps;
  const { host, port, username, password, database } = settings;
  let state: DatabaseState = { up: false, since: clock.now(), problem: 'it has not answered yet' };
  let standing: { readonly connection: Connection; readonly socket: Socket } | undefined;
  let reconnecting: NodeJS.Timeout | undefined;
  let isClosed = false;
  let waiting = 0;
  let failures = 0;
  let triedAtMs = Number.NEGATIVE_INFINITY;

  const down = (problem: string): void => {
    if (isClosed || state.problem === problem) return;
    log.error({ problem }, "VICIdial's database does not answer: vicidial.onFailure decides");
    state = { up: false, since: state.up ? clock.now() : state.since, problem };
  };
  const up = (): void => {
    failures = 0;
    if (state.up) return;
    log.info({}, "VICIdial's database answers");
    state = { up: true, since: clock.now(), problem: '' };
  };
  const lost = (problem: string): void => {
    standing = undefined;
    down(problem);
    if (isClosed) return;
    clearTimeout(reconnecting);
    reconnecting = setTimeout(() => void open(), CONNECTS_AGAIN_AFTER_MS).unref();
  };
  const open = async (): Promise<void> => {
    // A socket of our own: destroying the driver's connection opens another one, to end what runs on the first.
    const socket = connectSocket(port, host).setNoDelay(true);
    try {
      const connection = await createConnection({
        ...{ user: username, password, database, connectTimeout: CONNECTS_WITHIN_MS },
        stream: (callback) => callback(undefined, socket),
        // What VICIdial keeps as a number differs between its versions.
        typeCast: (column) => column.string(),
      });
      let isGone = false;
      const gone = (problem: string): void => {
        if (isGone) return;
        isGone = true;
        lost(problem);
      };
      connection.on('error', (error) => gone(messageOf(error)));
      socket.on('close', () => gone('the connection was closed'));
      if (isClosed) {
        socket.destroy();
        return;
      }
      standing = { connection, socket };
      up();
    } catch (error) {
      socket.destroy();
      lost(messageOf(error));
    }
  };
  const opening = open();

  const failed = (problem: string): 'unavailable' => {
    failures += 1;
    if (failures >= FAILURES_IN_A_ROW) down(problem);
    return 'unavailable';
  };

  return {
    state: () => state,
    read: async (statements, ms) => {
      if (standing === undefined) return 'unavailable';
      const nowMs = clock.monotonicMs();
      // While it is down one question at a time finds out whether it is back.
      if (!state.up && nowMs - triedAtMs < LEFT_ALONE_MS) return 'unavailable';
      if (waiting >= MOST_WAITING) return failed('it has more questions than it answers');
      triedAtMs = nowMs;
      const { connection, socket } = standing;
      const asking = Promise.all(
        statements.map(({ sql, values }) =>
          connection.query<readonly Row[]>(`${AT_MOST_HALF_A_SECOND}${sql}`, [...values]),
        ),
      );
      waiting += 1;
      const silent = setTimeout(() => socket.destroy(new Error('it is silent')), SILENT_MS).unref();
      const settled = (): void => {
        waiting -= 1;
        clearTimeout(silent);
      };
      asking.then(settled, settled);
      try {
        const rows = await within(asking, ms);
        if (rows === TIMED_OUT) return failed('its answers come too late');
        up();
        return rows;
      } catch (error) {
        return failed(messageOf(error));
      }
    },
    close: async () => {
      isClosed = true;
      clearTimeout(reconnecting);
      await opening;
      const last = standing;
      if (last === undefined) return;
      await within(
        last.connection.end().catch(() => undefined),
        ENDS_WITHIN_MS,
      );
      last.socket.destroy();
    },
  };
}
