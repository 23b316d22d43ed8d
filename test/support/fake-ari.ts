/**
 * A server that speaks just enough ARI to be connected to, for what a real Asterisk cannot be made to do: send events of
 * unknown kinds and frames that are none, refuse for minutes, answer nonsense, fall silent.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/** What it does with a request: a status refuses it, `silence` keeps it open without a word. */
export type FakeAnswer = { readonly status: number; readonly body?: string; readonly location?: string } | 'silence';

export interface FakeAri {
  readonly url: string;
  readonly port: number;
  /** Answers all requests, or those whose path contains `path`, like this; undefined: as Asterisk would. */
  readonly answerWith: (answer: FakeAnswer | undefined, path?: string) => void;
  /** The `authorization` of each request with one, and the `api_key` of each event socket. */
  readonly logins: () => ReadonlySet<string>;
  /** Requests with a log-in for the list of operations: the attempts to connect. */
  readonly attempts: () => number;
  /** Event sockets opened so far. */
  readonly opened: () => number;
  /** Event sockets open now. */
  readonly sockets: ReadonlySet<WebSocket>;
  /** The most TCP connections there were at once. */
  readonly mostConnections: () => number;
  /** From now on event sockets do not answer pings. */
  readonly ignorePings: (ignore: boolean) => void;
  /** Sends a frame on every event socket. */
  readonly send: (frame: string | Buffer) => void;
  /** Cuts every connection. */
  readonly cut: () => void;
  readonly stop: () => Promise<void>;
}

const operation = (httpMethod: string, nickname: string, responseClass: string, ...parameters: readonly object[]) => ({
  ...{ httpMethod, nickname, responseClass, parameters, summary: nickname },
});
const inPath = (name: string) => ({ name, paramType: 'path', dataType: 'string', required: true });
const resources: Readonly<Record<string, readonly object[]>> = {
  applications: [
    {
      path: '/applications/{applicationName}',
      operations: [operation('GET', 'get', 'Application', inPath('applicationName'))],
    },
  ],
  channels: [
    { path: '/channels/{channelId}', operations: [operation('GET', 'get', 'Channel', inPath('channelId'))] },
    { path: '/channels/{channelId}/answer', operations: [operation('POST', 'answer', 'void', inPath('channelId'))] },
  ],
};

/** Starts it. `port` 0 is a free one. */
export async function startFakeAri(port = 0): Promise<FakeAri> {
  const answers = new Map<string, FakeAnswer>();
  const logins = new Set<string>();
  const connections = new Set<Socket>();
  const sockets = new Set<WebSocket>();
  let attempts = 0;
  let opened = 0;
  let mostConnections = 0;
  let pingsIgnored = false;

  const describe = (host: string, name: string): unknown =>
    name === 'resources'
      ? { ...version(host), apis: Object.keys(resources).map((each) => ({ path: `/api-docs/${each}.{format}` })) }
      : { ...version(host), resourcePath: `/api-docs/${name}.{format}`, apis: resources[name] ?? [], models: {} };
  const content = (host: string, path: string): unknown => {
    const described = /^\/ari\/api-docs\/(\w+)\.json$/.exec(path)?.[1];
    if (described !== undefined) return describe(host, described);
    if (path.startsWith('/ari/applications/')) return { name: path.slice(18), channel_ids: ['held-1'] };
    return { id: decodeURIComponent(path.split('/')[3] ?? ''), name: 'PJSIP/1001-0', state: 'Ring' };
  };
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { host = '', authorization } = request.headers;
    const path = request.url ?? '';
    if (authorization !== undefined) {
      logins.add(authorization);
      if (path.endsWith('/resources.json')) attempts += 1;
    }
    const [, chosen] = [...answers].find(([part]) => path.includes(part)) ?? [];
    if (chosen === 'silence') return;
    response.setHeader('content-type', 'application/json');
    if (chosen?.location !== undefined) response.setHeader('location', chosen.location);
    response.statusCode = chosen?.status ?? 200;
    if (chosen !== undefined) response.end(chosen.body ?? `{"message":"as told"}`);
    else response.end(JSON.stringify(content(host, path)));
  };

  const server = createServer(answer);
  const events = new WebSocketServer({ noServer: true, autoPong: false });
  server.on('connection', (socket) => {
    connections.add(socket);
    mostConnections = Math.max(mostConnections, connections.size);
    socket.on('close', () => connections.delete(socket));
  });
  server.on('upgrade', (request, socket, head) => {
    const [, chosen] = [...answers].find(([part]) => request.url?.includes(part)) ?? [];
    if (chosen === 'silence') return;
    if (chosen !== undefined) {
      socket.end(`HTTP/1.1 ${chosen.status} Refused\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const key = new URL(request.url ?? '', 'http://fake').searchParams.get('api_key');
    if (key !== null) logins.add(key);
    events.handleUpgrade(request, socket, head, (opening) => {
      opened += 1;
      sockets.add(opening);
      opening.on('error', () => undefined);
      opening.on('ping', () => {
        if (!pingsIgnored) opening.pong();
      });
      opening.on('close', () => sockets.delete(opening));
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  // A TCP server's address is never a path.
  const address = server.address() as AddressInfo;
  const cut = (): void => {
    for (const socket of connections) socket.destroy();
  };

  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    answerWith: (chosen, path = '') => {
      if (chosen === undefined) answers.delete(path);
      else answers.set(path, chosen);
    },
    logins: () => logins,
    attempts: () => attempts,
    opened: () => opened,
    sockets,
    mostConnections: () => mostConnections,
    ignorePings: (ignore) => {
      pingsIgnored = ignore;
    },
    send: (frame) => {
      for (const socket of sockets) socket.send(frame);
    },
    cut,
    stop: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}

const version = (host: string) => ({ apiVersion: '10.0.0', swaggerVersion: '1.1', basePath: `http://${host}/ari` });
