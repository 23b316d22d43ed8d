/**
 * A unix socket in front of another one that can keep the server's answers back, or cut every connection: what a real
 * server cannot be made to do on its own at a chosen moment (answer late what it did in time; go away and come back).
 */
import { type SocketRelay, startSocketRelay } from './socket-relay.ts';

export interface StallingProxy extends Pick<SocketRelay, 'cut' | 'mend' | 'stop'> {
  readonly socketPath: string;
  /** From now on requests still reach the server, and its answers wait for `release`. */
  readonly holdAnswers: () => void;
  readonly release: () => void;
}

export async function startStallingProxy(upstreamPath: string): Promise<StallingProxy> {
  const socketPath = `${upstreamPath}.proxy`;
  let holds = false;
  const relay = await startSocketRelay(
    { path: upstreamPath },
    (server) => server.listen(socketPath),
    ({ near, far }) => {
      if (holds) far.unpipe(near);
    },
  );
  return {
    ...relay,
    socketPath,
    holdAnswers: () => {
      holds = true;
      for (const { near, far } of relay.pairs) far.unpipe(near);
    },
    release: () => {
      holds = false;
      for (const { near, far } of relay.pairs) far.pipe(near);
    },
  };
}
