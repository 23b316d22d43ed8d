/**
 * One Redis command over a unix socket, without a client library.
 *
 * For the few questions asked before there is a connection worth keeping: does a server answer, is it loading, whose is
 * it, and please shut down. A new socket per question; bounded in time and in the size of the answer. Not for data.
 */
import { connect } from 'node:net';

/** A reply of the Redis protocol, version 2 (https://redis.io/docs/latest/develop/reference/protocol-spec/). */
export type RawReply =
  | { readonly kind: 'status'; readonly text: string }
  | { readonly kind: 'error'; readonly text: string }
  | { readonly kind: 'text'; readonly text: string | null }
  | { readonly kind: 'list'; readonly items: readonly RawReply[] };

/**
 * What came of it: `reply`; `closed` (the server hung up without one); `refused` (nobody listens at that file);
 * `absent` (there is no such file); `silent` (no whole reply within the time).
 */
export type RawAnswer =
  | { readonly kind: 'reply'; readonly reply: RawReply }
  | { readonly kind: 'closed' | 'refused' | 'absent' | 'silent' };

const answerBytesMax = 256 * 1024;

/** Sends one command to the server on `socketPath` and never throws. */
export function rawCommand(socketPath: string, words: readonly string[], timeoutMs: number): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    let received = Buffer.alloc(0);
    const finish = (answer: RawAnswer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => finish({ kind: 'silent' }), timeoutMs);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') finish({ kind: 'absent' });
      else if (error.code === 'ECONNREFUSED' || error.code === 'ENOTSOCK') finish({ kind: 'refused' });
      // EAGAIN: the queue of a server that does not accept is full.
      else finish({ kind: error.code === 'EAGAIN' ? 'silent' : 'closed' });
    });
    socket.on('close', () => finish({ kind: 'closed' }));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const parsed = parseReply(received, 0);
      if (parsed !== undefined) finish({ kind: 'reply', reply: parsed.reply });
      else if (received.length > answerBytesMax) finish({ kind: 'closed' });
    });
    socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`);
  });
}

interface Parsed {
  readonly reply: RawReply;
  readonly next: number;
}

/** The reply that begins at `from`, or `undefined` while a part of it is missing. */
function parseReply(data: Buffer, from: number): Parsed | undefined {
  const lineEnd = data.indexOf('\r\n', from);
  if (lineEnd < 0) return undefined;
  const sign = String.fromCharCode(data[from] ?? 0);
  const line = data.toString('utf8', from + 1, lineEnd);
  const next = lineEnd + 2;
  switch (sign) {
    case '$': {
      const length = Number(line);
      if (length < 0) return { reply: { kind: 'text', text: null }, next };
      const end = next + length;
      if (data.length < end + 2) return undefined;
      return { reply: { kind: 'text', text: data.toString('utf8', next, end) }, next: end + 2 };
    }
    case '*': {
      const items: RawReply[] = [];
      let at = next;
      for (let left = Number(line); left > 0; left -= 1) {
        const item = parseReply(data, at);
        if (item === undefined) return undefined;
        items.push(item.reply);
        at = item.next;
      }
      return { reply: { kind: 'list', items }, next: at };
    }
    case '+':
    case ':':
      return { reply: { kind: 'status', text: line }, next };
    default:
      return { reply: { kind: 'error', text: sign === '-' ? line : `not a Redis reply: ${sign}${line}` }, next };
  }
}
