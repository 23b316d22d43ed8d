/**
 * A manager interface on a real socket that misbehaves as told: for what a real Asterisk cannot be made to do. Logs in,
 * answers Ping, and leaves every other action to the test.
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** An action as it arrived, by lower-cased key. */
export type ReceivedAction = ReadonlyMap<string, string>;

export interface FakeAmiBehaviour {
  /** The first line. Default: that of Asterisk 22. */
  readonly greeting: string;
  readonly login: 'accept' | 'refuse' | 'ignore';
  readonly answersPing: boolean;
  /** Answers any other action: the lines of a packet, or nothing. */
  readonly answer: (action: ReceivedAction) => readonly string[] | undefined;
}

export interface FakeAmi {
  readonly host: string;
  readonly port: number;
  /** Everything received, log-ins too, in order. */
  readonly actions: readonly ReceivedAction[];
  /** When each connection was made, by `performance.now()`. */
  readonly connectedAtMs: readonly number[];
  readonly behave: (behaviour: Partial<FakeAmiBehaviour>) => void;
  /** Writes to every connection, as it stands. */
  readonly write: (data: string | Buffer) => void;
  /** Writes a packet to every connection. */
  readonly send: (...lines: readonly string[]) => void;
  readonly dropConnections: () => void;
  readonly connections: () => number;
  readonly close: () => Promise<void>;
}

export async function startFakeAmi(behaviour: Partial<FakeAmiBehaviour> = {}, port = 0): Promise<FakeAmi> {
  let now: FakeAmiBehaviour = {
    greeting: 'Asterisk Call Manager/11.0.0\r\n',
    login: 'accept',
    answersPing: true,
    answer: () => undefined,
    ...behaviour,
  };
  const actions: ReceivedAction[] = [];
  const connectedAtMs: number[] = [];
  const sockets = new Set<Socket>();

  const answerTo = (action: ReceivedAction): readonly string[] | undefined => {
    switch (action.get('action')) {
      case 'Login':
        if (now.login === 'ignore') return undefined;
        return now.login === 'accept'
          ? ['Response: Success', 'Message: Authentication accepted']
          : ['Response: Error', 'Message: Authentication failed'];
      case 'Ping':
        return now.answersPing ? ['Response: Success', 'Ping: Pong'] : undefined;
      default:
        return now.answer(action);
    }
  };

  // As Asterisk has it.
  const server = createServer({ noDelay: true }, (socket) => {
    connectedAtMs.push(performance.now());
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.write(now.greeting);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('utf8');
      const packets = text.split('\r\n\r\n');
      text = packets.pop() ?? '';
      for (const packet of packets) {
        const action = new Map(
          packet.split('\r\n').map((line) => {
            const colon = line.indexOf(': ');
            return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)] as const;
          }),
        );
        actions.push(action);
        const lines = answerTo(action);
        if (lines !== undefined) socket.write(packetOf(lines, action));
        if (action.get('action') === 'Login' && now.login === 'refuse') socket.end();
      }
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const dropConnections = () => {
    for (const socket of sockets) socket.destroy();
  };
  const write = (data: string | Buffer) => {
    for (const socket of sockets) socket.write(data);
  };
  return {
    host: '127.0.0.1',
    port: address.port,
    actions,
    connectedAtMs,
    behave: (next) => {
      now = { ...now, ...next };
    },
    write,
    send: (...lines) => write(packetOf(lines)),
    dropConnections,
    connections: () => sockets.size,
    close: async () => {
      dropConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The first line, then the ActionID of the action that is answered, as Asterisk writes it. */
function packetOf([first, ...rest]: readonly string[], action?: ReceivedAction): string {
  const id = action?.get('actionid');
  const lines = [first, ...(id === undefined ? [] : [`ActionID: ${id}`]), ...rest];
  return lines
    .map((line) => `${line}\r\n`)
    .join('')
    .concat('\r\n');
}
