/**
 * SIP by hand, over any transport: for requests that no honest phone sends. Each wire is one socket with a port of its own.
 *
 * Nothing is sent twice and nothing answered but with what the test writes.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, isIPv6, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';

export type Transport = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';

export interface SipWire {
  readonly transport: Transport;
  /** Host and port of this side, as they stand in a SIP address. */
  readonly here: string;
  readonly there: string;
  readonly send: (text: string) => void;
  /** The next final response to this request; undefined if there is none within the time. */
  readonly answer: (request: string, withinMs?: number) => Promise<string | undefined>;
  readonly close: () => void;
}

const ANSWER_WITHIN_MS = 3_000;

export async function openSipWire(to: {
  readonly transport: Transport;
  readonly host: string;
  readonly port: number;
  /** The address of this side. Default: for UDP the same as `host`, otherwise whichever the system takes. */
  readonly from?: string;
}): Promise<SipWire> {
  const received: string[] = [];
  const waiting = new Set<() => void>();
  const receive = (data: Buffer): void => {
    received.push(data.toString('utf8'));
    for (const look of waiting) look();
  };
  const { address, port, send, close } = await connected(to, receive);
  const name = (host: string, at: number): string => `${isIPv6(host) ? `[${host}]` : host}:${at}`;
  return {
    transport: to.transport,
    here: name(address, port),
    there: name(to.host, to.port),
    send: (text) => send(Buffer.from(text)),
    answer: (request, withinMs = ANSWER_WITHIN_MS) =>
      new Promise((resolve) => {
        const keyOf = (text: string): string => `${headerOf(text, 'Call-ID')} ${headerOf(text, 'CSeq')}`;
        const key = keyOf(request);
        const look = (): void => {
          const found = received.find((text) => /^SIP\/2\.0 [2-6]/.test(text) && keyOf(text) === key);
          if (found === undefined) return;
          received.splice(received.indexOf(found), 1);
          end(found);
        };
        const end = (found: string | undefined): void => {
          clearTimeout(timer);
          waiting.delete(look);
          resolve(found);
        };
        const timer = setTimeout(end, withinMs, undefined);
        waiting.add(look);
        look();
      }),
    close,
  };
}

interface Connected {
  readonly address: string;
  readonly port: number;
  readonly send: (data: Buffer) => void;
  readonly close: () => void;
}

async function connected(
  { transport, host, port, from }: Parameters<typeof openSipWire>[0],
  receive: (data: Buffer) => void,
): Promise<Connected> {
  const here = from === undefined ? {} : { localAddress: from };
  switch (transport) {
    case 'udp': {
      const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
      socket.on('message', receive);
      socket.bind(0, from ?? host);
      await once(socket, 'listening');
      return { ...socket.address(), send: (data) => socket.send(data, port, host), close: () => void socket.close() };
    }
    case 'tcp':
    case 'tls': {
      const isTls = transport === 'tls';
      const to = { host, port, ...here };
      const socket: Socket = isTls ? connectTls({ ...to, rejectUnauthorized: false }) : connectTcp(to);
      socket.on('data', receive);
      socket.on('error', () => undefined);
      await once(socket, isTls ? 'secureConnect' : 'connect');
      // A connected TCP socket's address is never empty.
      const bound = socket.address() as AddressInfo;
      return { ...bound, send: (data) => void socket.write(data), close: () => void socket.destroy() };
    }
    case 'ws':
    case 'wss': {
      const socket = new WebSocket(`${transport}://${host}:${port}/ws`, 'sip', { rejectUnauthorized: false, ...here });
      socket.on('message', (data: Buffer) => receive(data));
      socket.on('error', () => undefined);
      await once(socket, 'open');
      // RFC 7118, section 5.5: a name that cannot be reached, as no connection is made to it.
      const claimed = { address: 'browser.invalid', port: 5060 };
      return { ...claimed, send: (data) => socket.send(data.toString('utf8')), close: () => socket.terminate() };
    }
    default:
      return transport satisfies never;
  }
}

export interface SipRequest {
  readonly method: 'REGISTER' | 'INVITE' | 'OPTIONS' | 'ACK';
  /** Who it says it is from. */
  readonly user: string;
  readonly callId?: string;
  readonly sequence?: number;
  /** `Authorization` and the like, whole lines. */
  readonly lines?: readonly string[];
  /** Host and port that it claims in Via. Default: where it is. */
  readonly via?: string;
}

export const newCallId = (): string => randomBytes(8).toString('hex');

const uriOf = (wire: SipWire, method: string): string =>
  method === 'REGISTER' ? `sip:${wire.there}` : `sip:5551234@${wire.there}`;

export function sipRequest(wire: SipWire, request: SipRequest): string {
  const { method, user, callId = newCallId(), sequence = 1, lines = [], via = wire.here } = request;
  const uri = uriOf(wire, method);
  const media = `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n`;
  const body = method === 'INVITE' ? media : '';
  return [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/${wire.transport.toUpperCase()} ${via};branch=z9hG4bK${randomBytes(6).toString('hex')}`,
    `From: <sip:${user}@${wire.there}>;tag=${callId.slice(0, 8)}`,
    `To: <${method === 'REGISTER' ? `sip:${user}@${wire.there}` : uri}>`,
    `Call-ID: ${callId}`,
    `CSeq: ${sequence} ${method}`,
    'Max-Forwards: 70',
    `Contact: <sip:${user}@${wire.here};transport=${wire.transport}>`,
    ...lines,
    ...(method === 'INVITE' ? ['Content-Type: application/sdp'] : []),
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

/** Sends and waits for the final response; an INVITE's refusal is acknowledged, as the sender of one must. */
export async function ask(wire: SipWire, request: SipRequest): Promise<string | undefined> {
  const callId = request.callId ?? newCallId();
  const text = sipRequest(wire, { ...request, callId });
  wire.send(text);
  const answer = await wire.answer(text);
  if (request.method === 'INVITE' && answer !== undefined) {
    const branch = /^Via: .*$/m.exec(text)?.[0] ?? '';
    const ack = sipRequest(wire, { ...request, callId, method: 'ACK', lines: [] });
    wire.send(ack.replace(/^Via: .*$/m, branch).replace(/^To: .*$/m, `To: ${headerOf(answer, 'To')}`));
  }
  return answer;
}

export const statusOf = (answer: string | undefined): number => Number(/^SIP\/2\.0 (\d+)/.exec(answer ?? '')?.[1] ?? 0);

export const headerOf = (text: string, name: string): string =>
  new RegExp(`^${name}: *(.*?)\\r?$`, 'im').exec(text)?.[1]?.trim() ?? '';

export interface Proof {
  readonly user: string;
  readonly password: string;
  readonly method: string;
  readonly realm: string;
  readonly nonce: string;
}

/** What a challenge asks for: the realm and nonce of a 401 or 407. */
export function challengeOf(answer: string | undefined): { readonly realm: string; readonly nonce: string } {
  const text = headerOf(answer ?? '', 'WWW-Authenticate') || headerOf(answer ?? '', 'Proxy-Authenticate');
  const part = (name: string): string => new RegExp(`\\b${name}="?([^",]*)`).exec(text)?.[1] ?? '';
  return { realm: part('realm'), nonce: part('nonce') };
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** An `Authorization` line, RFC 2617 without `qop`: one guess has one response, however often it is sent. */
export function authorization(wire: SipWire, { user, password, method, realm, nonce }: Proof): string {
  const uri = uriOf(wire, method);
  const response = md5(`${md5(`${user}:${realm}:${password}`)}:${nonce}:${md5(`${method}:${uri}`)}`);
  const fields = Object.entries({ username: user, realm, nonce, uri, response });
  return `Authorization: Digest ${fields.map(([key, value]) => `${key}="${value}"`).join(', ')}, algorithm=MD5`;
}
