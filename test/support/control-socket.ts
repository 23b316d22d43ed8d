/**
 * A daemon's API at its control socket, as the command line asks it.
 *
 * A command line takes half a second of processor time to start; a question here takes a thousandth. For set-up and for
 * questions that are asked again and again; what the command line itself says is asked of a real one.
 */
import { request } from 'node:http';
import { join } from 'node:path';

export interface SocketAnswer {
  readonly status: number;
  readonly text: string;
}

/** One request of the API; undefined where the daemon is not there, or does not answer in time. Never throws for that. */
export type AskSocket = (method: string, path: string, body?: object) => Promise<SocketAnswer | undefined>;

/** @param options.user the name that changes are recorded by, as `cli USER`. Default: tester */
export function controlSocket(
  stateDir: string,
  options: { readonly user?: string; readonly answersWithinMs: number },
): AskSocket {
  const { user = 'tester', answersWithinMs } = options;
  const socketPath = join(stateDir, 'tollgate.sock');
  return (method, path, body) =>
    new Promise((resolve) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const headers = {
        'x-tollgate-user': user,
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
      };
      const asked = request({ socketPath, method, path, headers }, (response) => {
        let text = '';
        response.on('data', (part: Buffer) => (text += part.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', () => resolve(undefined));
      });
      asked.setTimeout(answersWithinMs, () => asked.destroy());
      asked.on('error', () => resolve(undefined));
      asked.end(payload);
    });
}
