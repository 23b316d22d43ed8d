/**
 * A listening socket in front of another one whose connections can be cut, as networks do and a server cannot do of its
 * own while it goes on running. What else can be done to its connections is up to whoever opens it.
 */
import { once } from 'node:events';
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';

export interface SocketPair {
  /** To whoever connected. */
  readonly near: Socket;
  /** To the server behind. */
  readonly far: Socket;
}

export interface SocketRelay {
  /** Listening. */
  readonly server: Server;
  readonly pairs: ReadonlySet<SocketPair>;
  /** Cuts every connection, and each new one, until `mend`. */
  readonly cut: () => void;
  readonly mend: () => void;
  readonly stop: () => Promise<void>;
}

/** @param onPair called with each new connection, whose bytes pass both ways already */
export async function startSocketRelay(
  upstream: NetConnectOpts,
  listen: (server: Server) => void,
  onPair: (pair: SocketPair) => void = () => undefined,
): Promise<SocketRelay> {
  const pairs = new Set<SocketPair>();
  let isCut = false;
  const cutAll = (): void => {
    for (const { near, far } of pairs) {
      near.destroy();
      far.destroy();
    }
  };
  const server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(upstream);
    const pair = { near, far };
    pairs.add(pair);
    near.pipe(far).pipe(near);
    onPair(pair);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      // The close that follows carries the news.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        other.destroy();
        pairs.delete(pair);
      });
    }
  });
  listen(server);
  await once(server, 'listening');

  return {
    server,
    pairs,
    cut: () => {
      isCut = true;
      cutAll();
    },
    mend: () => {
      isCut = false;
    },
    stop: async () => {
      cutAll();
      server.close();
      await once(server, 'close');
    },
  };
}
