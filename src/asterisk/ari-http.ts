/**
 * HTTP to the REST interface (ARI) of one Asterisk: a request out, the text of its answer back.
 *
 * Guarantees that every request settles within its deadline, that a redirect is never followed (the password would go
 * with it), that neither an answer nor the number of connections is unbounded, and that no error holds a password or the
 * value of a parameter.
 * Refuses to know: what is asked, and what the answer means.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { messageOf, TollgateError } from '../errors.ts';

/** Asterisk answered with an error. */
export class AriRefused extends TollgateError {
  /** The HTTP status: 404 for a channel that is gone, 409 for one that is not in the application or hanging up. */
  readonly status: number;

  constructor(status: number, message: string) {
    super('ARI_REFUSED', message);
    this.name = 'AriRefused';
    this.status = status;
  }
}

export interface AriHttpOptions {
  /** Scheme, host and port, such as `http://127.0.0.1:8088`. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly requestWithinMs: number;
}

export interface AriHttp {
  /**
   * The text of an answer with a status of 2xx. `path` is sent as it stands, query and all; `body` is JSON.
   *
   * @throws TollgateError ARI_UNAVAILABLE; AriRefused.
   */
  readonly request: (method: string, path: string, body?: string) => Promise<string>;
  /** Closes the connections that wait for a next request, which the peer may have forgotten. */
  readonly dropIdle: () => void;
  /** Fails what is in flight and all that follows. */
  readonly close: () => void;
}

/**
 * Asterisk serves 100 HTTP sessions at once by default (`session_limit` in http.conf) and turns the rest away, so that a
 * burst must share a few connections; the event socket, other programs and web pages need theirs.
 */
const CONNECTIONS_MAX = 8;
/** Below the 15 s after which Asterisk closes an idle connection (`session_keep_alive`), possibly under a request. */
const IDLE_MS = 5_000;
/** A list of 20,000 channels of 40 bytes each is below 1 MiB. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;

export function createAriHttp(options: AriHttpOptions): AriHttp {
  const { protocol, hostname, port } = new URL(options.url);
  const { request: send, Agent } = protocol === 'https:' ? https : http;
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX, timeout: IDLE_MS });
  const authorization = `Basic ${Buffer.from(`${options.username}:${options.password}`).toString('base64')}`;
  // Node wants an IPv6 address without the brackets that it has in a URL.
  const host = hostname.replaceAll(/[[\]]/g, '');
  /** What gives a request up, for those in flight. */
  const inFlight = new Set<(why: string) => void>();
  let isClosed = false;

  const ask = async (method: string, path: string, body: string | undefined): Promise<string> => {
    let giveUp: (why: string) => void = () => undefined;
    const answer = new Promise<string>((resolve, reject) => {
      const headers = {
        ...{ authorization, accept: 'application/json' },
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      };
      const request = send({ host, port, method, path, agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          chunks.push(chunk);
          if (bytes > ANSWER_BYTES_MAX) giveUp(`the answer is longer than ${ANSWER_BYTES_MAX} bytes`);
        });
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const status = response.statusCode ?? 0;
          if (status >= 200 && status < 300) resolve(text);
          else reject(new AriRefused(status, `${method} ${pathOnly(path)}: ${sentenceOf(status, text)}`));
        });
      });
      giveUp = (why) => {
        reject(new Error(why));
        request.destroy();
      };
      request.on('error', reject);
      request.end(body);
    });
    const late = setTimeout(() => giveUp(`no answer in ${options.requestWithinMs} ms`), options.requestWithinMs);
    inFlight.add(giveUp);
    try {
      return await answer;
    } finally {
      clearTimeout(late);
      inFlight.delete(giveUp);
    }
  };

  return {
    request: async (method, path, body) => {
      try {
        if (isClosed) throw new Error(closedByUs);
        return await ask(method, path, body);
      } catch (error) {
        if (error instanceof AriRefused) throw error;
        throw new TollgateError('ARI_UNAVAILABLE', `${method} ${pathOnly(path)}: ${messageOf(error)}`, {
          cause: error,
        });
      }
    },
    dropIdle: () => {
      for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
    },
    close: () => {
      isClosed = true;
      for (const giveUp of [...inFlight]) giveUp(closedByUs);
      agent.destroy();
    },
  };
}

const closedByUs = 'the connection was closed on our side';

/** Without the query, which has the values of variables in it. */
const pathOnly = (path: string): string => path.split('?', 1)[0] ?? '';

const sentenceLengthMax = 200;

/** Asterisk's own sentence, which it sends as `{"message": …}`; its HTML pages say no more than the status. */
function sentenceOf(status: number, body: string): string {
  if (status === 401) return 'the user name or the password is not accepted (401)';
  let sentence: unknown;
  try {
    const answer: unknown = JSON.parse(body);
    if (typeof answer === 'object' && answer !== null && 'message' in answer) sentence = answer.message;
  } catch {
    // Not one of its own answers.
  }
  const words = typeof sentence === 'string' ? sentence : (http.STATUS_CODES[status] ?? 'no known status');
  return `${words.slice(0, sentenceLengthMax)} (${status})`;
}
