/**
 * When the kernel began to drop an address, to the millisecond: one sends a datagram each millisecond, the other end, in
 * the network of the host, says which of them came. Both clocks are the one of the machine.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds of the clock that all processes of a machine share and nobody sets. */
export const sharedMs = (): number => Number(process.hrtime.bigint()) / 1e6;

const heard = new Map<string, number>();

/** Notes the highest number that each address has sent, and answers. */
export async function hear(at: { readonly address: string; readonly port: number }): Promise<void> {
  const socket = createSocket('udp4');
  socket.on('message', (data, { address, port }) => {
    heard.set(address, Number(data));
    // To a banned address the kernel refuses to send.
    socket.send(data, port, address, () => undefined);
  });
  socket.bind(at.port, at.address);
  await once(socket, 'listening');
}

export const lastHeard = (address: string): number => heard.get(address) ?? -1;

export interface Stream {
  /** When each number was sent, by {@link sharedMs}. */
  readonly sentMs: readonly number[];
  /** Resolves when no answer has come for so long. */
  readonly untilSilent: (silenceMs: number, withinMs: number) => Promise<void>;
  readonly stop: () => void;
}

/** Begins to send a number each millisecond. */
export async function startStream(options: {
  readonly from: string;
  readonly to: string;
  readonly port: number;
}): Promise<Stream> {
  const { from, to, port } = options;
  const socket: Socket = createSocket('udp4');
  let answeredMs = sharedMs();
  socket.on('message', () => {
    answeredMs = sharedMs();
  });
  socket.on('error', () => undefined);
  socket.bind(0, from);
  await once(socket, 'listening');
  const sentMs: number[] = [];
  const timer = setInterval(() => {
    sentMs.push(sharedMs());
    socket.send(String(sentMs.length - 1), port, to, () => undefined);
  }, 1);
  return {
    sentMs,
    untilSilent: async (silenceMs, withinMs) => {
      const endMs = sharedMs() + withinMs;
      while (sharedMs() < endMs && sharedMs() - answeredMs < silenceMs) await sleep(5);
    },
    stop: () => {
      clearInterval(timer);
      socket.close();
    },
  };
}
