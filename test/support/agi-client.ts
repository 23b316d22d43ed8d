/**
 * The client side of FastAGI for tests: a socket that can misbehave in any way, and one that behaves like Asterisk.
 */
import { connect, type Socket } from 'node:net';
import type { AgiListen } from '../../src/asterisk/agi-server.ts';

export interface AgiClient {
  readonly socket: Socket;
  /** Everything received so far. */
  readonly received: () => string;
  /** Resolves when `text` has been received; rejects if the connection closes first. */
  readonly waitFor: (text: string) => Promise<void>;
  /** Resolves when the server has closed its side, or the connection is lost. */
  readonly ended: Promise<void>;
  /** Resolves when the connection is gone, for whatever reason. */
  readonly closed: Promise<void>;
}

/** Opens a connection. It stays open on this side after the server's half close, as Asterisk's does, until told. */
export function openAgiClient(address: AgiListen, options: { readonly localAddress?: string } = {}): AgiClient {
  const socket = connect({ ...address, ...options, allowHalfOpen: true });
  let text = '';
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const check of waiting) check();
  };
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
    wake();
  });
  socket.on('error', () => {});
  const ended = new Promise<void>((resolve) => {
    socket.on('end', resolve);
    socket.on('close', () => resolve());
  });
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      resolve();
      wake();
    });
  });
  const waitFor = (wanted: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        if (text.includes(wanted)) resolve();
        else if (socket.destroyed)
          reject(new Error(`closed before ${JSON.stringify(wanted)}; got ${JSON.stringify(text)}`));
        else return;
        waiting.delete(check);
      };
      waiting.add(check);
      check();
    });
  return { socket, received: () => text, waitFor, ended, closed };
}

/**
 * Places one request as Asterisk does: writes the environment, answers the command with `200 result=0`, and after the
 * server's close writes HANGUP and closes. Resolves with everything the server wrote.
 */
export function askAsAsterisk(address: AgiListen, environment: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ ...address, allowHalfOpen: true });
    let text = '';
    let answered = false;
    socket.on('connect', () => socket.write(environment));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      if (answered || !text.endsWith('\n')) return;
      answered = true;
      socket.write('200 result=0\n');
    });
    socket.on('end', () => socket.end('HANGUP\n'));
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}
