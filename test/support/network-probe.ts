/**
 * The process behind `Probe` of network-namespace.ts: reads one command a line from standard input, a JSON list of its name
 * and arguments, and writes one line of JSON for each.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket, WebSocketServer } from 'ws';

/** Without an answer for so long on a cable of a few centimetres, there is none. */
const ANSWER_WITHIN_MS = 250;

interface Line {
  readonly send: (text: string) => void;
  /** Calls back with each text that comes. */
  readonly onText: (listener: (text: string) => void) => void;
}

const connections: Line[] = [];
const taken = new Set<Socket>();

const within = async <Answer>(promise: Promise<Answer>, ms: number): Promise<Answer | undefined> =>
  Promise.race([promise, sleep(ms, undefined)]);

async function echo(port: number): Promise<void> {
  for (const type of ['udp4', 'udp6'] as const) {
    const socket = createSocket({ type, ipv6Only: type === 'udp6' });
    // To a banned address the kernel refuses to send.
    socket.on('message', (message, { port: to, address }) => socket.send(message, to, address, () => undefined));
    socket.bind(port);
    await once(socket, 'listening');
  }
  const keep = (socket: Socket): void => {
    taken.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => taken.delete(socket));
  };
  const server = createServer((socket) => {
    keep(socket);
    socket.on('data', (data) => socket.write(data));
  });
  server.listen(port, '::');
  await once(server, 'listening');
  const web = new WebSocketServer({ port: port + 1, host: '::' });
  web.on('connection', (socket, request) => {
    keep(request.socket);
    socket.on('error', () => undefined);
    socket.on('message', (data) => socket.send(String(data)));
  });
  await once(web, 'listening');
}

async function udp(from: string, to: string, port: number, fromPort: number): Promise<boolean> {
  const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', () => undefined);
  socket.bind(fromPort, from);
  await once(socket, 'listening');
  const answered = once(socket, 'message').then(() => true);
  socket.send('ping', port, to, () => undefined);
  const answer = await within(answered, ANSWER_WITHIN_MS);
  socket.close();
  return answer === true;
}

async function open(kind: 'tcp' | 'ws', from: string, to: string, port: number): Promise<number | string> {
  const host = to.includes(':') ? `[${to}]` : to;
  try {
    if (kind === 'ws') {
      const socket = new WebSocket(`ws://${host}:${port}/`, { localAddress: from, handshakeTimeout: 1000 });
      await once(socket, 'open');
      socket.on('error', () => undefined);
      connections.push({
        send: (text) => socket.send(text),
        onText: (listener) => socket.on('message', (data) => listener(String(data))),
      });
    } else {
      const socket = connect({ host: to, port, localAddress: from });
      const opened = await within(once(socket, 'connect'), 1000);
      if (opened === undefined) {
        socket.destroy();
        return 'timeout';
      }
      socket.on('error', () => undefined);
      connections.push({
        send: (text) => socket.write(text),
        onText: (listener) => socket.on('data', (data) => listener(String(data))),
      });
    }
    return connections.length - 1;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'timeout';
  }
}

async function ask(index: number): Promise<boolean> {
  const line = connections[index];
  if (line === undefined) return false;
  const text = `line ${Math.random()}`;
  const answered = new Promise<boolean>((resolve) => line.onText((got) => got.includes(text) && resolve(true)));
  line.send(text);
  return (await within(answered, ANSWER_WITHIN_MS)) === true;
}

interface Flood {
  readonly from: string | readonly string[];
  readonly to: string;
  readonly port: number;
  readonly perSecond: number;
  readonly forMs: number;
  readonly manyPorts?: boolean;
}

async function flood({ from, to, port, perSecond, forMs, manyPorts = false }: Flood) {
  const type = to.includes(':') ? 'udp6' : 'udp4';
  const start = performance.now();
  const sockets: UdpSocket[] = [];
  let sent = 0;
  let answered = 0;
  let lastAnswerAt = 0;
  const next = async (): Promise<UdpSocket> => {
    const known = sockets[0];
    if (known !== undefined && !manyPorts) return known;
    const socket = createSocket(type);
    socket.on('error', () => undefined);
    socket.on('message', () => {
      answered += 1;
      lastAnswerAt = Date.now();
    });
    socket.bind(0, typeof from === 'string' ? from : from[sent % from.length]);
    await once(socket, 'listening');
    sockets.push(socket);
    return socket;
  };
  for (;;) {
    const passedMs = performance.now() - start;
    if (passedMs >= forMs) break;
    const due = (passedMs * perSecond) / 1000;
    for (; sent < due; sent += 1) (await next()).send('flood', port, to, () => undefined);
    await sleep(1);
  }
  await sleep(ANSWER_WITHIN_MS);
  for (const socket of sockets) socket.close();
  return { sent, answered, lastAnswerAt };
}

async function obey([what, ...args]: readonly [string, ...unknown[]]): Promise<unknown> {
  // The only caller is network-namespace.ts, which types what it sends.
  const given = args as never[];
  switch (what) {
    case 'ready':
      return true;
    case 'echo':
      await echo(...(given as [never]));
      return true;
    case 'udp':
      return await udp(...(given as [never, never, never, never]));
    case 'open':
      return await open(...(given as [never, never, never, never]));
    case 'ask':
      return await ask(...(given as [never]));
    case 'standing':
      return taken.size;
    case 'shout':
      for (const socket of taken) socket.write('listen\n');
      return true;
    case 'flood':
      return await flood(...(given as [never]));
    default:
      throw new Error(`unknown: ${what}`);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await obey(JSON.parse(line))));
}
process.exit(0);
