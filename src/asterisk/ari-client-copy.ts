/**
 * A copy of the package ari-client for one Asterisk, mended where it would harm us.
 *
 * Of the package we use what it does soundly: it reads from Asterisk which operations there are, makes a request of an
 * operation's parameters, and opens the event socket. What it does with bytes and with time is replaced, at one seam
 * each:
 * - It keeps the user and password in a module. Every Asterisk gets its own copy of that module.
 * - Its HTTP client never settles a request that found nobody, lets an answer that is not JSON or has status 401 end the
 *   process from a socket's event, drops the status of errors, follows redirects with the password, and asks in plain
 *   HTTP even if the address says https. All HTTP goes through {@link AriHttp} instead.
 * - Its handler of the event socket throws at an event that Asterisk did not describe, and gives up after ten attempts to
 *   reconnect (43 s). The open socket is handed out bare.
 * - It prints a warning on standard output unless the description claims to be of a newer format, which differs in nothing
 *   it reads.
 * Guarantees that whatever Asterisk answers, a loaded client's operations settle when their HTTP does.
 * Left as it is: the package sets a handful of global variables (`log`, `obj`, `status`, …), and its event socket
 * carries the password in the address, where logs of a proxy would show it.
 */
import { createRequire } from 'node:module';
import type * as AriClient from 'ari-client';
import type { WebSocket } from 'ws';
import { TIMED_OUT, within } from '../deadline.ts';
import { messageOf, TollgateError } from '../errors.ts';
import type { AriHttp, AriHttpOptions } from './ari-http.ts';

export interface AriClientCopy {
  /**
   * Reads what this Asterisk offers. Takes a dozen requests and about 7 ms.
   *
   * @throws TollgateError ARI_UNAVAILABLE; AriRefused.
   */
  readonly load: () => Promise<AriClient.Client>;
  /** Starts to open a socket for the events of `app`, on which nobody listens yet. */
  readonly openEventSocket: (client: AriClient.Client, app: string) => WebSocket;
}

/** What swagger-client, below ari-client, hands to its HTTP client. */
interface SwaggerRequest {
  readonly url: string;
  readonly method: string;
  readonly body?: string;
  readonly on: {
    readonly response: (reply: { readonly data: string; readonly obj?: unknown }) => void;
    readonly error: (error: unknown) => void;
  };
}
interface Swagger {
  readonly SwaggerHttp: { readonly prototype: { execute: (request: SwaggerRequest) => void } };
}
/** What ari-client keeps to itself. */
interface Insides {
  readonly _ws: WebSocket;
  _wsClosed: boolean;
}

const descriptions = '/ari/api-docs/';
const stateful = /[\\/]node_modules[\\/](?:ari-client|swagger-client)[\\/]/;

/** Loads ari-client anew, and leaves the module cache as it was. */
function loadCopy(): { readonly ari: typeof AriClient; readonly swagger: Swagger } {
  const require = createRequire(import.meta.url);
  const takeOut = (): ReadonlyMap<string, NodeJS.Module> => {
    const taken = new Map<string, NodeJS.Module>();
    for (const [path, module] of Object.entries(require.cache)) {
      if (module === undefined || !stateful.test(path)) continue;
      taken.set(path, module);
      delete require.cache[path];
    }
    return taken;
  };
  const others = takeOut();
  try {
    // From ari-client's place, because an installation may have put swagger-client below it.
    return { ari: require('ari-client'), swagger: createRequire(require.resolve('ari-client'))('swagger-client') };
  } finally {
    takeOut();
    for (const [path, module] of others) require.cache[path] = module;
  }
}

/** Nothing is asked of the Asterisk before `load`. */
export function createAriClientCopy(options: AriHttpOptions, http: AriHttp): AriClientCopy {
  const { ari, swagger } = loadCopy();
  let failure: unknown;

  const carryOut = async ({ method, url, body, on }: SwaggerRequest): Promise<void> => {
    try {
      // The description names a host and scheme of its own; the path is cut out, not parsed, so that it stays as encoded.
      const path = url.slice(url.indexOf('/', 'https://'.length));
      on.response(readAnswer(path, await http.request(method.toUpperCase(), path, body)));
    } catch (error) {
      failure =
        error instanceof TollgateError
          ? error
          : new TollgateError('ARI_UNAVAILABLE', `an answer was not understood: ${messageOf(error)}`, { cause: error });
      try {
        on.error(failure);
      } catch {
        // While it loads, the package throws once more what it has already told.
      }
    }
  };
  swagger.SwaggerHttp.prototype.execute = (request) => void carryOut(request);

  return {
    load: async () => {
      failure = undefined;
      const loading = Promise.resolve(ari.connect(options.url, options.username, options.password));
      // It tells a failure as text that has lost the cause; the first one that we saw says more.
      const client = await within(loading, options.requestWithinMs).catch((error: unknown) => {
        throw failure ?? new TollgateError('ARI_UNAVAILABLE', messageOf(error), { cause: error });
      });
      if (client !== TIMED_OUT) return client;
      throw failure ?? new TollgateError('ARI_UNAVAILABLE', `no answer in ${options.requestWithinMs} ms`);
    },
    openEventSocket: (client, app) => {
      // Its promise settles only if it succeeds, since the package is kept from trying again.
      void client.start(app);
      // There is no other way to the socket; the version is pinned.
      const insides = client as unknown as Insides;
      // It then takes a closed socket as closed on purpose.
      insides._wsClosed = true;
      insides._ws.removeAllListeners('message');
      return insides._ws;
    },
  };
}

/** What an answer to `path` is to the package, which wants the content of a description and the text of all else. */
function readAnswer(path: string, text: string): { readonly data: string; readonly obj?: unknown } {
  if (text === '') return { data: text };
  const content: unknown = JSON.parse(text);
  if (!path.startsWith(descriptions)) return { data: text };
  return { data: text, obj: { ...(typeof content === 'object' ? content : {}), swaggerVersion: '1.2' } };
}
