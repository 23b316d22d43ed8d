/**
 * HTTP POST to where a channel leads: the host is looked up, every address is judged, and the connection is made to an
 * address that was judged, so that a name which answers otherwise the second time leads nowhere (DNS rebinding).
 *
 * Follows no redirect, keeps no connection, reads at most 64 KiB of an answer, and ends with its signal. Proxies of the
 * environment are not used.
 */
import { lookup } from 'node:dns/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { messageOf } from '../errors.ts';
import { DeliveryFailed } from './delivery-failed.ts';
import { mayConnectTo } from './target-address.ts';

export interface PostAnswer {
  readonly status: number;
  /** Cut after 64 KiB. */
  readonly text: string;
}

/**
 * @param body JSON text, sent as it is: a signature is over these very bytes
 * @returns an answer of 2xx
 * @throws {DeliveryFailed} for every other; its sentence holds the beginning of the answer and never the address, which
 *   may be a secret
 */
export type PostJson = (
  url: string,
  body: string,
  options: { readonly headers?: Readonly<Record<string, string>>; readonly signal: AbortSignal },
) => Promise<PostAnswer>;

export type LookUp = (host: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;

const MOST_ANSWER_BYTES = 64 * 1024;
const LONGEST_RETRY_AFTER_MS = 3_600_000;
/** Mistakes of the message itself; the same message is refused for ever. */
const FINAL = new Set([400, 413, 415, 422]);

/** @param deps.lookUp as the system does; a test may give answers that change */
export function createPost(deps: {
  readonly allowNetworks: readonly string[];
  readonly lookUp?: LookUp;
  readonly now: () => number;
}): PostJson {
  const lookUp: LookUp = deps.lookUp ?? ((host) => lookup(host, { all: true, verbatim: true }));

  const judged = async (host: string): Promise<{ readonly address: string; readonly family: number }> => {
    const found = await lookUp(host).catch((cause: unknown) => {
      throw new DeliveryFailed(`${host} cannot be looked up: ${messageOf(cause)}`, { cause });
    });
    const wrong = found.find(({ address }) => !mayConnectTo(address, deps.allowNetworks));
    if (wrong !== undefined) {
      const hint = 'which is not an address of the internet; name its network in alerts.allowNetworks if it is meant';
      throw new DeliveryFailed(`${host} leads to ${wrong.address}, ${hint}`, { isFinal: true });
    }
    const [first] = found;
    if (first === undefined) throw new DeliveryFailed(`${host} has no address`);
    return first;
  };

  return async (target, body, { headers, signal }) => {
    const url = new URL(target);
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const pinned = await judged(host);
    const lookUpPinned: LookupFunction = (_host, options, done) => {
      if (options.all === true) done(null, [pinned]);
      else done(null, pinned.address, pinned.family);
    };
    const options = {
      method: 'POST',
      agent: false,
      lookup: lookUpPinned,
      signal,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'tollgate',
        ...headers,
      },
    } as const;
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = send(url, options, resolve);
      request.on('error', reject);
      request.end(body);
    }).catch((cause: unknown) => {
      const problem = signal.aborted ? 'no answer in time' : messageOf(cause);
      throw new DeliveryFailed(`${host} cannot be reached: ${problem}`, { cause });
    });
    const status = answer.statusCode ?? 0;
    const text = await readSome(answer).catch(() => '');
    if (status >= 200 && status < 300) return { status, text };
    const said = text.replace(/[\p{Cc}\s]+/gu, ' ').slice(0, 200);
    const sentence = `${host} answered ${status}${said === '' ? '' : `: ${said}`}`;
    const redirect = status >= 300 && status < 400 ? '; redirects are not followed' : '';
    throw new DeliveryFailed(`${sentence}${redirect}`, {
      isFinal: FINAL.has(status),
      retryAfterMs: retryAfterOf(answer.headers['retry-after'], deps.now()),
    });
  };
}

async function readSome(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of answer) {
    if (!Buffer.isBuffer(part)) break;
    parts.push(part);
    bytes += part.length;
    // Leaving the loop ends the connection.
    if (bytes > MOST_ANSWER_BYTES) break;
  }
  return Buffer.concat(parts).subarray(0, MOST_ANSWER_BYTES).toString('utf8');
}

/** Seconds or a date: RFC 9110, section 10.2.3. */
function retryAfterOf(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) ? Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, ms)) : undefined;
}
