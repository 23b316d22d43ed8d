/**
 * A daemon reduced to its store, to be killed by tests: starts the embedded server on the state folder given as the only
 * argument, says `ready PID` or `failed CODE MESSAGE` on standard output, and shuts down on SIGTERM.
 */
import { TollgateError } from '../../src/errors.ts';
import { createEmbeddedServer } from '../../src/redis/embedded-server.ts';
import { keptLog } from './silent-log.ts';

const server = createEmbeddedServer({
  stateDir: process.argv[2] ?? '',
  log: keptLog().log,
  searchPath: process.env['PATH'] ?? '',
});
const alive = setInterval(() => undefined, 1000);
process.on('SIGTERM', () => void server.stop().then(() => clearInterval(alive)));
try {
  await server.start();
  console.log(`ready ${server.pid()}`);
} catch (error) {
  console.log(`failed ${error instanceof TollgateError ? error.code : '-'} ${String(error)}`);
  clearInterval(alive);
}
