/**
 * Worker: guesses at accounts that do not exist, from many addresses of 127.0.0.0/8, at a fixed rate. Each datagram is an
 * attempt of its own; answers are thrown away.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerQuestions } from '../processes.ts';

interface Question {
  readonly port: number;
  readonly perSecond: number;
  readonly forMs: number;
}

/** Each in a /24 of its own. */
const ADDRESSES = 500;
const sockets: Array<{ readonly address: string; readonly port: number; readonly socket: Socket }> = [];
let sent = 0;

async function open(): Promise<void> {
  for (let each = 0; each < ADDRESSES; each += 1) {
    const address = `127.${1 + (each >> 8)}.${each & 255}.1`;
    const socket = createSocket('udp4');
    socket.on('message', () => undefined);
    socket.bind(0, address);
    await once(socket, 'listening');
    sockets.push({ address, port: socket.address().port, socket });
  }
}

function guess(toPort: number): void {
  const from = sockets[sent % sockets.length];
  if (from === undefined) return;
  sent += 1;
  const { address, port, socket } = from;
  const text = [
    `REGISTER sip:127.0.0.1:${toPort} SIP/2.0`,
    `Via: SIP/2.0/UDP ${address}:${port};branch=z9hG4bKflood${sent}`,
    `From: <sip:9${sent}@127.0.0.1>;tag=${sent}`,
    `To: <sip:9${sent}@127.0.0.1>`,
    `Call-ID: flood-${process.pid}-${sent}`,
    'CSeq: 1 REGISTER',
    'Max-Forwards: 70',
    `Contact: <sip:9${sent}@${address}:${port}>`,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
  socket.send(text, toPort, '127.0.0.1', () => undefined);
}

answerQuestions(async ({ port, perSecond, forMs }: Question) => {
  if (sockets.length === 0) await open();
  const before = sent;
  const startMs = performance.now();
  for (let passedMs = 0; passedMs < forMs; passedMs = performance.now() - startMs) {
    while (sent - before < (passedMs * perSecond) / 1000) guess(port);
    await sleep(1);
  }
  return { sent: sent - before, tookMs: performance.now() - startMs };
});
