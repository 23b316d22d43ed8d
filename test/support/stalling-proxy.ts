/**
 * A unix socket in front of another one that can keep the server's answers back, or cut every connection: what a real
 * server cannot be made to do on its own at a chosen moment (answer late what it did in time; go away and come back).
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface StallingProxy {
  readonly socketPath: string;
  /** From now on requests still reach the server, and its answers wait for `release`. */
  readonly holdAnswers: () => void;
  readonly release: () => void;
  /** Cuts every connection, and each new one, until `mend`. */
  readonly cut: () => void;
  readonly mend: () => void;
  readonly stop: () => Promise<void>;
}

export async function startStallingProxy(upstreamPath: string): Promise<StallingProxy> {
  const socketPath = `${upstreamPath}.proxy`;
  const pairs = new Set<{ readonly near: Socket; readonly far: Socket }>();
  let holds = false;
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
    const far = connect(upstreamPath);
    const pair = { near, far };
    pairs.add(pair);
    near.pipe(far);
    far.pipe(near);
    if (holds) far.unpipe(near);
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
  server.listen(socketPath);
  await once(server, 'listening');

  return {
    socketPath,
    holdAnswers: () => {
      holds = true;
      for (const { near, far } of pairs) far.unpipe(near);
    },
    release: () => {
      holds = false;
      for (const { near, far } of pairs) far.pipe(near);
    },
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
