/**
 * A TCP port in front of another one that can be cut, or can fall silent without a word, as networks do: what a server
 * cannot do of its own while it goes on running.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface TcpLink {
  readonly port: number;
  /** Cuts every connection, and each new one, until `mend`. */
  readonly cut: () => void;
  readonly mend: () => void;
  /** From now on the connections there are carry nothing and stay open; new ones work. */
  readonly silence: () => void;
  readonly stop: () => Promise<void>;
}

export async function startTcpLink(upstreamPort: number): Promise<TcpLink> {
  const pairs = new Set<{ readonly near: Socket; readonly far: Socket }>();
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
    const far = connect(upstreamPort, '127.0.0.1');
    const pair = { near, far };
    pairs.add(pair);
    near.pipe(far).pipe(near);
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
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A TCP server's address is never a path.
  const { port } = server.address() as AddressInfo;

  return {
    port,
    cut: () => {
      isCut = true;
      cutAll();
    },
    mend: () => {
      isCut = false;
    },
    silence: () => {
      for (const { near, far } of pairs) {
        near.unpipe(far);
        far.unpipe(near);
      }
    },
    stop: async () => {
      cutAll();
      server.close();
      await once(server, 'close');
    },
  };
}
