/** A TCP port in front of another one that can be cut, or can fall silent without a word, as networks do. */
import type { AddressInfo } from 'node:net';
import { type SocketRelay, startSocketRelay } from './socket-relay.ts';

export interface TcpLink extends Pick<SocketRelay, 'cut' | 'mend' | 'stop'> {
  readonly port: number;
  /** From now on the connections there are carry nothing and stay open; new ones work. */
  readonly silence: () => void;
}

export async function startTcpLink(upstreamPort: number): Promise<TcpLink> {
  const relay = await startSocketRelay({ port: upstreamPort, host: '127.0.0.1' }, (server) =>
    server.listen(0, '127.0.0.1'),
  );
  // A TCP server's address is never a path.
  const { port } = relay.server.address() as AddressInfo;
  return {
    ...relay,
    port,
    silence: () => {
      for (const { near, far } of relay.pairs) {
        near.unpipe(far);
        far.unpipe(near);
      }
    },
  };
}
