/**
 * A FastAGI server that answers what a test tells it to, or misbehaves as told. Not the daemon: for what the dialplan
 * does with answers that the daemon never gives, and for the dialplan alone.
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What Asterisk sent: the `agi_…` lines without their prefix, and the arguments in order. */
export interface StubAgiRequest {
  readonly environment: Readonly<Record<string, string>>;
  readonly args: readonly string[];
}

export type StubAgiBehaviour =
  /** Sets these variables by one `EXEC MSet` and closes. */
  | { readonly kind: 'set'; readonly variables: Readonly<Record<string, string>>; readonly afterMs?: number }
  /** Sets these variables by one `SET VARIABLE` each, which takes any character, and closes. */
  | { readonly kind: 'set one by one'; readonly variables: Readonly<Record<string, string>> }
  /** Closes without a word. */
  | { readonly kind: 'close'; readonly afterMs?: number }
  /** Resets the connection without a word. */
  | { readonly kind: 'reset' }
  /** Never says anything; closes only when told that the call is over (`HANGUP`), if `closeOnHangup`. */
  | { readonly kind: 'silent'; readonly closeOnHangup: boolean };

export interface StubAgiServer {
  readonly port: number;
  /** For TOLLGATE_AGI. */
  readonly url: string;
  /** Those for `/outcome` are not among them. */
  readonly requests: readonly StubAgiRequest[];
  readonly reports: readonly StubAgiRequest[];
  /** What the next calls get, until changed. */
  behave(behaviour: StubAgiBehaviour | ((request: StubAgiRequest) => StubAgiBehaviour)): void;
  /** What the next requests for `/outcome` get, until changed; at first they are closed. */
  behaveToReports(behaviour: StubAgiBehaviour): void;
  /** Closes every connection, as a killed daemon does, and goes on listening. */
  dropConnections(): void;
  close(): Promise<void>;
}

export async function startStubAgiServer(): Promise<StubAgiServer> {
  let behaviourTo = (_request: StubAgiRequest): StubAgiBehaviour => ({ kind: 'close' });
  let toReports: StubAgiBehaviour = { kind: 'close' };
  const requests: StubAgiRequest[] = [];
  const reports: StubAgiRequest[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let text = '';
    let behaviour: StubAgiBehaviour | undefined;
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      text += chunk.toString('utf8');
      const end = text.indexOf('\n\n');
      if (end >= 0 && behaviour === undefined) {
        const request = parse(text.slice(0, end));
        const isReport = request.environment['network_script'] === 'outcome';
        (isReport ? reports : requests).push(request);
        behaviour = isReport ? toReports : behaviourTo(request);
        void answer(socket, behaviour);
      } else if (behaviour?.kind === 'silent' && behaviour.closeOnHangup && text.includes('HANGUP')) socket.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const dropConnections = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: address.port,
    url: `agi://127.0.0.1:${address.port}`,
    requests,
    reports,
    behave: (next) => {
      behaviourTo = typeof next === 'function' ? next : () => next;
    },
    behaveToReports: (next) => {
      toReports = next;
    },
    dropConnections,
    close: async () => {
      dropConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function answer(socket: Socket, behaviour: StubAgiBehaviour): Promise<void> {
  switch (behaviour.kind) {
    case 'set': {
      if (behaviour.afterMs !== undefined) await sleep(behaviour.afterMs);
      const pairs = Object.entries(behaviour.variables).map(([name, value]) => `${name}=${value}`);
      socket.write(`EXEC MSet "${pairs.join(',')}"\n`);
      socket.once('data', () => socket.end());
      return;
    }
    case 'set one by one':
      for (const [name, value] of Object.entries(behaviour.variables)) {
        socket.write(`SET VARIABLE ${name} "${value.replaceAll(/[\\"]/g, '\\$&')}"\n`);
        await once(socket, 'data');
      }
      socket.end();
      return;
    case 'close':
      if (behaviour.afterMs !== undefined) await sleep(behaviour.afterMs);
      socket.end();
      return;
    case 'reset':
      socket.resetAndDestroy();
      return;
    case 'silent':
      return;
    default: {
      const never: never = behaviour;
      throw new Error(`unknown behaviour ${String(never)}`);
    }
  }
}

function parse(text: string): StubAgiRequest {
  const environment = Object.fromEntries(
    text.split('\n').map((line) => {
      const colon = line.indexOf(': ');
      return [line.slice('agi_'.length, colon), line.slice(colon + 2)] as const;
    }),
  );
  const args: string[] = [];
  for (let index = 1; ; index += 1) {
    const value = environment[`arg_${index}`];
    if (value === undefined) break;
    args.push(value);
  }
  return { environment, args };
}
