/**
 * A FastAGI server that answers what a test tells it to, or misbehaves as told. Not the daemon: for what the dialplan
 * does with answers that the daemon never gives, and for the dialplan alone.
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** What Asterisk sent: the `agi_…` lines without their prefix, and the arguments in order. */
export interface StubAgiRequest {
  readonly environment: Readonly<Record<string, string>>;
  readonly args: readonly string[];
}

export type StubAgiBehaviour =
  /** Sets these variables by one `EXEC MSet` and closes. */
  | { readonly kind: 'set'; readonly variables: Readonly<Record<string, string>>; readonly afterMs?: number }
  /** Closes without a word. */
  | { readonly kind: 'close' }
  /** Resets the connection without a word. */
  | { readonly kind: 'reset' }
  /** Never says anything; closes only when told that the call is over (`HANGUP`), if `closeOnHangup`. */
  | { readonly kind: 'silent'; readonly closeOnHangup: boolean };

export interface StubAgiServer {
  readonly port: number;
  /** For TOLLGATE_AGI. */
  readonly url: string;
  readonly requests: readonly StubAgiRequest[];
  /** What the next calls get, until changed. */
  behave(behaviour: StubAgiBehaviour): void;
  /** Closes every connection, as a killed daemon does, and goes on listening. */
  dropConnections(): void;
  close(): Promise<void>;
}

export async function startStubAgiServer(): Promise<StubAgiServer> {
  let behaviour: StubAgiBehaviour = { kind: 'close' };
  const requests: StubAgiRequest[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let text = '';
    let answered = false;
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      text += chunk.toString('utf8');
      const end = text.indexOf('\n\n');
      if (end >= 0 && !answered) {
        answered = true;
        requests.push(parse(text.slice(0, end)));
        void answer(socket, behaviour);
      } else if (behaviour.kind === 'silent' && behaviour.closeOnHangup && text.includes('HANGUP')) socket.end();
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
    behave: (next) => {
      behaviour = next;
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
      if (behaviour.afterMs !== undefined) await new Promise((resolve) => setTimeout(resolve, behaviour.afterMs));
      const pairs = Object.entries(behaviour.variables).map(([name, value]) => `${name}=${value}`);
      socket.write(`EXEC MSet "${pairs.join(',')}"\n`);
      socket.once('data', () => socket.end());
      return;
    }
    case 'close':
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
