/**
 * An HTTP server on a real port of loopback that keeps what it was sent and answers as a test wants: what the real
 * services cannot be made to do at a chosen moment (fail, hang, redirect, ask for patience).
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpReceiver {
  readonly url: string;
  readonly port: number;
  readonly received: readonly Received[];
  /** From now on. */
  answer: (response: ServerResponse, request: Received) => void;
  /** Resolves when so many were received. */
  readonly until: (count: number, withinMs?: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}

export const answering =
  (status: number, body = 'ok', headers: Readonly<Record<string, string>> = {}): HttpReceiver['answer'] =>
  (response) => {
    response.writeHead(status, headers).end(body);
  };
export const hanging: HttpReceiver['answer'] = () => {};

/** @param port for one that comes back where it was */
export async function startHttpReceiver(port = 0): Promise<HttpReceiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part;
    });
    request.on('end', () => {
      const entry = { path: request.url ?? '', headers: request.headers, body };
      received.push(entry);
      receiver.answer(response, entry);
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const real = typeof address === 'object' && address !== null ? address.port : 0;
  const receiver: HttpReceiver = {
    url: `http://127.0.0.1:${real}`,
    port: real,
    received,
    answer: answering(200),
    until: async (count, withinMs = 10_000) => {
      const giveUpMs = performance.now() + withinMs;
      while (received.length < count) {
        if (performance.now() > giveUpMs) throw new Error(`${received.length} of ${count} were received`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      if (server.listening) await once(server, 'close');
    },
  };
  return receiver;
}
