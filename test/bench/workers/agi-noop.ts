/**
 * Worker: the least that a FastAGI server can do, as the floor for ours. Reads the environment to its empty line and
 * forgets it, sends fixed commands, each after the reply to the one before, and closes.
 *
 * Argument: how many variables are set by commands of their own (`SET VARIABLE`); 0 for one `EXEC MSet` that sets two.
 */
import { createServer, type Socket } from 'node:net';
import { answerQuestions } from '../processes.ts';

const separate = Number(process.argv[2] ?? '0');
const COMMANDS =
  separate === 0
    ? ['EXEC MSet "TOLLGATE_VERDICT=allow,TOLLGATE_REASON=within every limit"\n']
    : Array.from({ length: separate }, (_, at) => `SET VARIABLE TOLLGATE_${at} allow\n`);

function serve(socket: Socket): void {
  let environment = '';
  let sent = 0;
  let complete = false;
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    if (!complete) {
      environment += chunk.toString('latin1');
      if (!environment.endsWith('\n\n')) return;
      complete = true;
    }
    if (sent > COMMANDS.length) return;
    const command = COMMANDS[sent];
    sent += 1;
    if (command === undefined) socket.end();
    else socket.write(command, 'latin1');
  });
}

const server = createServer({ noDelay: true }, serve);
await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0, backlog: 2048 }, resolve));
const address = server.address();
const port = typeof address === 'object' && address !== null ? address.port : 0;

answerQuestions<object>(() => Promise.resolve({ port }));
