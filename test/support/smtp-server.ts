/**
 * As much of a mail server as a client needs (RFC 5321, STARTTLS of RFC 3207, AUTH PLAIN of RFC 4954), on a real port of
 * loopback. Keeps what it took, and can refuse or keep silent.
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and body as they came. */
  readonly text: string;
  readonly overTls: boolean;
  readonly user: string | undefined;
}

export interface SmtpServer {
  readonly port: number;
  readonly mails: readonly Mail[];
  /** `refuse`: 550 to the message; `later`: 451; `silent`: no greeting; `no-tls`: neither offers nor has it. */
  behave: 'take' | 'refuse' | 'later' | 'silent' | 'no-tls';
  readonly stop: () => Promise<void>;
}

export async function startSmtpServer(options: {
  readonly tls?: { readonly cert: string; readonly key: string };
}): Promise<SmtpServer> {
  const mails: Mail[] = [];
  const open = new Set<Socket>();

  const talk = (socket: Socket, overTls: boolean, greet: boolean): void => {
    let rest = '';
    let [from, user] = ['', undefined as string | undefined];
    let to: string[] = [];
    let data: string[] | undefined;
    const say = (line: string): void => void socket.write(`${line}\r\n`);
    const onLine = (line: string): void => {
      if (data !== undefined) {
        if (line !== '.') {
          data.push(line.startsWith('..') ? line.slice(1) : line);
          return;
        }
        const text = data.join('\n');
        data = undefined;
        if (server.behave === 'refuse') say('550 5.7.1 not wanted here');
        else if (server.behave === 'later') say('451 4.3.0 come again');
        else {
          mails.push({ from, to, text, overTls, user });
          say('250 2.0.0 taken');
        }
        return;
      }
      const [, verb = '', more = ''] = /^(\w+) ?(.*)$/.exec(line) ?? [];
      switch (verb.toUpperCase()) {
        case 'EHLO': {
          const offers = [
            'test',
            ...(overTls || options.tls === undefined || server.behave === 'no-tls' ? [] : ['STARTTLS']),
            'AUTH PLAIN',
          ];
          for (const [at, offer] of offers.entries()) say(`250${at === offers.length - 1 ? ' ' : '-'}${offer}`);
          return;
        }
        case 'STARTTLS': {
          if (server.behave === 'no-tls') {
            say('502 not here');
            return;
          }
          say('220 go on');
          socket.removeAllListeners('data');
          const secure = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(options.tls) });
          secure.on('error', () => secure.destroy());
          talk(secure, true, false);
          return;
        }
        case 'AUTH':
          user = Buffer.from(more.replace(/^PLAIN /, ''), 'base64')
            .toString()
            .split('\0')[1];
          say('235 welcome');
          return;
        case 'MAIL':
          from = /<([^>]*)>/.exec(more)?.[1] ?? '';
          to = [];
          say('250 ok');
          return;
        case 'RCPT':
          to.push(/<([^>]*)>/.exec(more)?.[1] ?? '');
          say('250 ok');
          return;
        case 'DATA':
          data = [];
          say('354 go on');
          return;
        case 'QUIT':
          say('221 bye');
          socket.end();
          return;
        default:
          say('250 ok');
      }
    };
    socket.on('data', (part: Buffer) => {
      const lines = (rest + part.toString('utf8')).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    });
    if (greet && server.behave !== 'silent') say('220 test ESMTP');
  };

  const listener = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    talk(socket, false, true);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  const server: SmtpServer = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    mails,
    behave: 'take',
    stop: async () => {
      for (const socket of open) socket.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
  return server;
}
